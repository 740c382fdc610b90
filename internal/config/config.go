// Package config reads the collector's configuration: a YAML file, and the
// environment for values that must not be in a file. The result of Load is complete
// (defaults filled in, paths resolved, secrets read) and valid.
//
// The comments on the fields below are the operator's reference: the tests make
// docs/configuration.md from them.
package config

import (
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/seal"
)

// Config is the configuration of the collector.
type Config struct {
	Database  Database  `yaml:"database"`
	Partners  []Partner `yaml:"partners"`
	Collect   Collect   `yaml:"collect"`
	Reconcile Reconcile `yaml:"reconcile"`
	Schedule  Schedule  `yaml:"schedule"`
	Console   Console   `yaml:"console"`
	Notify    Notify    `yaml:"notify"`
	Retention Retention `yaml:"retention"`

	// Exposed are the files with secrets that every account of the machine can read.
	Exposed []Problem `yaml:"-"`
}

// Database is the PostgreSQL database that keeps the results.
type Database struct {
	// The connection string: `postgres://user@host:5432/name`, or `host=... user=... dbname=...`. It must not hold a
	// password here; in `COLLECTOR_DATABASE_URL`, which wins over the file, and in `url_file` it may. One of the three
	// is required.
	URL Secret `yaml:"url"`
	// A file that holds the connection string.
	URLFile string `yaml:"url_file"`
	// The connection string for `collector migrate`, when migrations run with another role.
	// `COLLECTOR_DATABASE_MIGRATE_URL` wins over it. Without either, migrations use the same
	// connection string as all other commands.
	MigrateURL Secret `yaml:"migrate_url"`
	// A file that holds the connection string for `collector migrate`.
	MigrateURLFile string `yaml:"migrate_url_file"`
	// The maximum number of connections to the database, however many partners are collected at the same time; at least
	// 3. The daemon has 3 more for its queue, and 4 for its console.
	MaxConnections int `yaml:"max_connections" default:"8"`
	// How long a run waits for a database that is unavailable, read-only or full, before it ends with exit code 1.
	// Meanwhile the fetched answers are kept in memory.
	Wait time.Duration `yaml:"wait" default:"5m"`
}

// SchemaURL returns the connection string for migrations.
func (d Database) SchemaURL() string {
	if d.MigrateURL.IsSet() {
		return d.MigrateURL.Reveal()
	}
	return d.URL.Reveal()
}

// Partner is a partner tenant of the Cloud Solution Provider programme. At least
// one is required, each with a name of its own.
type Partner struct {
	// The partner's name, required. It is in every row as `partner`. A new name starts a new partner
	// with its own history; `collector partners rename` changes the name. At most 63 letters, digits,
	// `-`, `.` and `_`.
	Name string `yaml:"name"`
	// The Microsoft cloud: `global`, `usgov` or `china`.
	Cloud string `yaml:"cloud" default:"global"`
	// Another address for the Partner Center API, for a proxy or the simulator. `http` is allowed for
	// loopback addresses only.
	BaseURL string `yaml:"base_url"`
	// The language in which Partner Center describes products. A change of the language changes the descriptions in
	// the results.
	Locale    string    `yaml:"locale" default:"en-US"`
	Auth      Auth      `yaml:"auth"`
	Customers Customers `yaml:"customers"`
	Invoices  Invoices  `yaml:"invoices"`
	Limits    Limits    `yaml:"limits"`
}

// Auth is how the collector signs in for this partner.
type Auth struct {
	// `app_user`: an application together with a user who signed in with MFA once (`collector login`); the service
	// costs require it. `app_only`: the application alone; Partner Center refuses it the service costs. `token`: a
	// ready access token, for a trial or the simulator.
	Mode string `yaml:"mode" default:"app_user"`
	// The partner's tenant. Required except in mode `token`.
	TenantID string `yaml:"tenant_id"`
	// The application (client) in that tenant. Required except in mode `token`.
	ClientID string `yaml:"client_id"`
	// A file that holds the application's secret; `COLLECTOR_<NAME>_CLIENT_SECRET` wins over it. Mode `app_only`
	// requires one of the two; mode `app_user` needs one if the application is a confidential client.
	ClientSecretFile string `yaml:"client_secret_file"`
	// Where mode `app_user` keeps the refresh token: `file`, `database`, or `key_vault` (Azure Key Vault). Several machines
	// need one of the latter two. `collector credentials move` takes the token of a file there.
	// `COLLECTOR_<NAME>_REFRESH_TOKEN` gives the first value while none is kept.
	RefreshTokenStore string `yaml:"refresh_token_store" default:"file"`
	// The file that keeps the refresh token. The collector rewrites it at each sign-in, so it must be able to write
	// there. The store `file` requires it; with another store it is where `collector credentials move` finds the token.
	RefreshTokenFile string `yaml:"refresh_token_file"`
	// The file with the key that seals the tokens in the database, the same on all machines; the store `database`
	// requires it. A key is 32 bytes in base64: `openssl rand -base64 32`. With several keys, a line each, the first
	// one seals and all open, so that a key can be replaced.
	SealKeyFile string `yaml:"seal_key_file"`
	// The address of the vault, such as `https://contoso.vault.azure.net`; the store `key_vault` requires it.
	KeyVaultURL string `yaml:"key_vault_url"`
	// The name of the secret in the vault. If absent, `collector-` and the partner's name, with `-` for other
	// characters than letters and digits.
	KeyVaultSecret string `yaml:"key_vault_secret"`
	// A file that holds an access token; `COLLECTOR_<NAME>_TOKEN` wins over it. Mode `token` requires one of the two.
	TokenFile string `yaml:"token_file"`
	// Another address for the login host. `http` is allowed for loopback addresses only.
	LoginURL string `yaml:"login_url"`
	// The scope of the tokens, instead of the scope of the cloud and the mode, such as
	// `https://api.partnercenter.microsoft.com/.default`.
	Scope string `yaml:"scope"`

	// ClientSecret comes from ClientSecretFile or the environment, in the modes
	// app_user and app_only.
	ClientSecret Secret `yaml:"-"`
	// RefreshToken is the seed value from the environment, in the mode app_user. The
	// kept one belongs to the token source.
	RefreshToken Secret `yaml:"-"`
	// SealKeys comes from SealKeyFile, with the store database.
	SealKeys *seal.Keys `yaml:"-"`
	// Token comes from TokenFile or the environment, in the mode token.
	Token Secret `yaml:"-"`
}

// Customers says whose costs are collected: exactly one of `ids`, `file` and
// `discover`.
type Customers struct {
	// The tenant ids of the customers.
	IDs []billing.CustomerID `yaml:"ids"`
	// A text file with one tenant id per line; `#` begins a comment. It is read again for each
	// run.
	File string `yaml:"file"`
	// Request the partner's customers from Partner Center for each run.
	Discover bool `yaml:"discover" default:"false"`
	// The tenant ids of customers that are left out.
	Exclude []billing.CustomerID `yaml:"exclude"`
}

// Invoices says which of Microsoft's invoices to this partner are read.
type Invoices struct {
	// `true`: `collector run` and the daemon read the invoices after the costs. They need further permissions, which
	// `collector check` proves.
	Enabled bool `yaml:"enabled" default:"false"`
	// The first month to read, such as `2024-01`. An invoice belongs to the month in which its period
	// ends. Without this key, all invoices that Partner Center lists are read.
	Since string `yaml:"since"`
	// The exports of Microsoft Graph, which are the only source of new-commerce lines after March 2025. Without this
	// key, line items are read from Partner Center alone. `graph: {}` takes everything from `auth`.
	Graph Graph `yaml:"graph"`
}

// Graph is how the collector signs in to Microsoft Graph: always as an application alone,
// with the permission PartnerBilling.Read.All.
type Graph struct {
	// The partner's tenant; that of `auth` if absent.
	TenantID string `yaml:"tenant_id"`
	// The application (client) in that tenant; that of `auth` if absent.
	ClientID string `yaml:"client_id"`
	// A file that holds the application's secret; `COLLECTOR_<NAME>_GRAPH_CLIENT_SECRET` wins over it. The secret of
	// `auth` if absent.
	ClientSecretFile string `yaml:"client_secret_file"`
	// Another address for Microsoft Graph, without version. `http` is allowed for loopback addresses
	// only.
	BaseURL string `yaml:"base_url"`
	// Another address for the login host; that of `auth` if absent.
	LoginURL string `yaml:"login_url"`

	// Given means that the key is in the file.
	Given bool `yaml:"-"`
	// ClientSecret comes from ClientSecretFile, the environment or auth.
	ClientSecret Secret `yaml:"-"`
}

// Limits bounds the requests to Partner Center for this partner.
type Limits struct {
	// The maximum number of requests per minute.
	RequestsPerMinute int `yaml:"requests_per_minute" default:"480"`
	// The maximum number of requests in flight. A customer has up to two: the profile and the summary.
	Concurrency int `yaml:"concurrency" default:"8"`
	// How long one request may take.
	Timeout time.Duration `yaml:"timeout" default:"3m"`
	// The longest wait that Partner Center may demand when it throttles (429); a longer wait is
	// shortened to this.
	MaxRetryAfter time.Duration `yaml:"max_retry_after" default:"5m"`
}

// Collect says what is collected of each customer.
type Collect struct {
	// The cost summary and its details. `false`: billing profiles only.
	Costs bool `yaml:"costs" default:"true"`
	// The line items behind the costs.
	LineItems bool `yaml:"line_items" default:"true"`
	// The stored part of the billing profile: `full`, or `minimal` for the company name and the
	// country only, which also reduces the profiles that are already stored.
	Profiles string `yaml:"profiles" default:"full"`
	// Customers per write transaction.
	Batch int `yaml:"batch" default:"500"`
	// A run reads the costs of every customer, and the line items of those whose costs changed. Within
	// this time it then reads the other profiles and line items again, oldest first.
	Night time.Duration `yaml:"night" default:"6h"`
	// How old profiles and line items may become while the costs are unchanged. After `night` a run
	// continues with those that would become older, for at most 20 hours.
	Refresh time.Duration `yaml:"refresh" default:"7d"`
	// How many partners are collected at the same time, each at its own quota. The number of
	// connections to the database does not grow with it.
	PartnersAtOnce int `yaml:"partners_at_once" default:"64"`
}

// Reconcile sets the limits of the checks over many nights, which each run makes at
// its end. Their results are in `finance.findings`.
type Reconcile struct {
	// An active customer that has not been collected in full for this long is a finding.
	UnseenAfter time.Duration `yaml:"unseen_after" default:"3d"`
	// The newest period of a cost is a jump when its distance from the median of the periods before it (at most 12) is
	// more than this many times 1.4826 times their median absolute deviation, and also reaches `jump_percent` and
	// `jump_amount`.
	JumpFactor int `yaml:"jump_factor" default:"5"`
	// A jump is at least this many percent of the median; 0 means no such limit.
	JumpPercent int `yaml:"jump_percent" default:"50"`
	// A jump is at least this much, in units of the cost's own currency; 0 means no such limit.
	JumpAmount int `yaml:"jump_amount" default:"10"`
	// The number of periods before the newest one that a jump requires: 1 to 12. With fewer periods no
	// cost counts as a jump.
	JumpPeriods int `yaml:"jump_periods" default:"4"`
}

// Schedule says when the daemon collects.
type Schedule struct {
	// Minute, hour, day of month, month, day of week; or a name such as `@daily`.
	Cron string `yaml:"cron" default:"30 2 * * *"`
	// The time zone of `cron`, such as `Europe/Berlin`. A time that the clock skips in spring is due at the skip. A
	// time that the clock shows twice in autumn is due the first time only.
	Timezone string `yaml:"timezone" default:"UTC"`
	// Each run starts up to this much later than due, at random, so that many collectors do not start at the same
	// moment.
	Jitter time.Duration `yaml:"jitter" default:"5m"`
	// Start at once, when the daemon starts, if a run was missed while it was down.
	CatchUp bool `yaml:"catch_up" default:"true"`
}

// Console is the daemon's web page.
type Console struct {
	// The address and port on which it listens. Anything but a loopback address needs `password_file`.
	Listen string `yaml:"listen" default:"127.0.0.1:8080"`
	// The file that holds the hash of the password; `collector console passwd` writes it.
	PasswordFile string `yaml:"password_file"`
	// The certificate, in PEM, for HTTPS; together with `tls_key_file`.
	TLSCertFile string `yaml:"tls_cert_file"`
	// The certificate's key, in PEM.
	TLSKeyFile string `yaml:"tls_key_file"`
	// A reverse proxy in front of the page provides HTTPS. Anything but a loopback address needs that, or a
	// certificate.
	BehindProxy bool `yaml:"behind_proxy" default:"false"`
}

// Notify names addresses that are requested after each run, such as those of a
// dead-man's switch.
type Notify struct {
	// Requested after a run that collected everything.
	SuccessURL string `yaml:"success_url"`
	// Requested after a run that did not collect everything.
	FailureURL string `yaml:"failure_url"`
}

// Retention says how long the collector keeps data that the results do not need.
// Costs are kept forever.
type Retention struct {
	// The raw bodies of Partner Center's answers, from which every row can be derived
	// again.
	Payloads time.Duration `yaml:"payloads" default:"800d"`
	// The ledger of the runs, and the failures of customers.
	Runs time.Duration `yaml:"runs" default:"400d"`
}
