// Package config reads the collector's configuration: a YAML file, and the
// environment for what must not stand in a file. What Load returns is complete
// (defaults filled in, paths resolved, secrets read) and valid.
//
// The comments on the fields below are the operator's reference: the tests make
// docs/configuration.md of them.
package config

import (
	"time"

	"partnercost/internal/billing"
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
	// Where the database is: `postgres://user@host:5432/name`, or `host=... user=... dbname=...`. It must not hold a password here;
	// `COLLECTOR_DATABASE_URL`, which wins over the file, and `url_file` may. One of the three is required.
	URL Secret `yaml:"url"`
	// A file that holds the connection string.
	URLFile string `yaml:"url_file"`
	// The connection string for `collector migrate`, when migrations run as a role of their own. `COLLECTOR_DATABASE_MIGRATE_URL` wins over it.
	// Without any, migrations use the connection string of everything else.
	MigrateURL Secret `yaml:"migrate_url"`
	// A file that holds the connection string for `collector migrate`.
	MigrateURLFile string `yaml:"migrate_url_file"`
	// The most connections to the database at a time.
	MaxConnections int `yaml:"max_connections" default:"8"`
	// How long a run waits for a database that went away, is read-only or has no room, before it ends with exit code 1. What was fetched meanwhile is kept in memory.
	Wait time.Duration `yaml:"wait" default:"5m"`
}

// Partner is a partner tenant of the Cloud Solution Provider programme. At least
// one is required, each with a name of its own.
type Partner struct {
	// The partner's name, required. It stands in every row as `partner`: changing it later makes another partner of it. At most 63 letters, digits, `-`, `.` and `_`.
	Name string `yaml:"name"`
	// The Microsoft cloud: `global`, `usgov` or `china`.
	Cloud string `yaml:"cloud" default:"global"`
	// Another address for the Partner Center API, for a proxy or the simulator. `http` is for loopback addresses only.
	BaseURL string `yaml:"base_url"`
	// The language in which Partner Center describes products. Changing it changes the descriptions in the results.
	Locale    string    `yaml:"locale" default:"en-US"`
	Auth      Auth      `yaml:"auth"`
	Customers Customers `yaml:"customers"`
	Limits    Limits    `yaml:"limits"`
}

// Auth is how the collector signs in for this partner.
type Auth struct {
	// `app_user`: an application together with a user who signed in with MFA once (`collector login`); the service costs need it.
	// `app_only`: the application alone, for which Partner Center refuses the service costs. `token`: a ready access token, for a trial or the simulator.
	Mode string `yaml:"mode" default:"app_user"`
	// The partner's tenant. Required but for mode `token`.
	TenantID string `yaml:"tenant_id"`
	// The application (client) in that tenant. Required but for mode `token`.
	ClientID string `yaml:"client_id"`
	// A file that holds the application's secret; `COLLECTOR_<NAME>_CLIENT_SECRET` wins over it. Mode `app_only` requires one of the two; mode `app_user` wants one if the application is a confidential client.
	ClientSecretFile string `yaml:"client_secret_file"`
	// The file that keeps the refresh token. The collector rewrites it at each sign-in, so it must be able to write there. Mode `app_user` requires it;
	// `COLLECTOR_<NAME>_REFRESH_TOKEN` gives the first value while the file does not exist.
	RefreshTokenFile string `yaml:"refresh_token_file"`
	// A file that holds an access token; `COLLECTOR_<NAME>_TOKEN` wins over it. Mode `token` requires one of the two.
	TokenFile string `yaml:"token_file"`
	// Another address for the login host. `http` is for loopback addresses only.
	LoginURL string `yaml:"login_url"`
	// Another scope of the tokens than that of the cloud and the mode, such as `https://api.partnercenter.microsoft.com/.default`.
	Scope string `yaml:"scope"`

	// ClientSecret comes from ClientSecretFile or the environment, in the modes
	// app_user and app_only.
	ClientSecret Secret `yaml:"-"`
	// RefreshToken is the seed value from the environment, in the mode app_user. The
	// file belongs to the token source.
	RefreshToken Secret `yaml:"-"`
	// Token comes from TokenFile or the environment, in the mode token.
	Token Secret `yaml:"-"`
}

// Customers says whose costs are collected: exactly one of `ids`, `file` and
// `discover`.
type Customers struct {
	// The tenant ids of the customers.
	IDs []billing.CustomerID `yaml:"ids"`
	// A text file with one tenant id a line; `#` begins a comment. It is read anew at each run.
	File string `yaml:"file"`
	// Ask Partner Center for the partner's customers at each run.
	Discover bool `yaml:"discover" default:"false"`
	// The tenant ids of customers to leave out.
	Exclude []billing.CustomerID `yaml:"exclude"`
}

// Limits bounds what the collector asks of Partner Center for this partner.
type Limits struct {
	// The most requests a minute.
	RequestsPerMinute int `yaml:"requests_per_minute" default:"480"`
	// The most requests in flight at a time. A customer has up to two: the profile and the summary.
	Concurrency int `yaml:"concurrency" default:"8"`
	// How long one request may take.
	Timeout time.Duration `yaml:"timeout" default:"3m"`
	// The longest wait that Partner Center may ask for when it is asked too much; a longer one is cut to this.
	MaxRetryAfter time.Duration `yaml:"max_retry_after" default:"5m"`
}

// Collect says what is collected of each customer.
type Collect struct {
	// The cost summary and its details. `false`: billing profiles only.
	Costs bool `yaml:"costs" default:"true"`
	// The line items behind the costs.
	LineItems bool `yaml:"line_items" default:"true"`
	// How much of the billing profile is kept: `full`, or `minimal` for the company name and the country only, which also reduces what is stored already.
	Profiles string `yaml:"profiles" default:"full"`
	// Customers per write transaction.
	Batch int `yaml:"batch" default:"500"`
}

// Reconcile says what counts as odd when each run, at its end, looks at what is
// stored of many nights. What it finds stands in `finance.findings`.
type Reconcile struct {
	// An active customer that was not collected in full for this long is a finding.
	UnseenAfter time.Duration `yaml:"unseen_after" default:"3d"`
	// The newest period of a cost is a jump when it lies further from the median of the periods before it (at most 12 of them) than this many times what is usual,
	// which is 1.4826 times their median absolute deviation, and also reaches `jump_percent` and `jump_amount`.
	JumpFactor int `yaml:"jump_factor" default:"5"`
	// A jump is at least this many percent of the median; 0 for no such limit.
	JumpPercent int `yaml:"jump_percent" default:"50"`
	// A jump is at least this much, in units of the cost's own currency; 0 for no such limit.
	JumpAmount int `yaml:"jump_amount" default:"10"`
	// From so many periods before the newest one it can be told what is usual: 1 to 12. With fewer nothing is a jump.
	JumpPeriods int `yaml:"jump_periods" default:"4"`
}

// Schedule says when the daemon collects.
type Schedule struct {
	// Minute, hour, day of month, month, day of week; or `@daily` and the like.
	Cron string `yaml:"cron" default:"30 2 * * *"`
	// The time zone of `cron`, such as `Europe/Berlin`. A time that the clock skips in spring is due at the skip, a time that it shows twice in autumn the first time only.
	Timezone string `yaml:"timezone" default:"UTC"`
	// Each run starts up to this much later than due, at random, so that many collectors do not start as one.
	Jitter time.Duration `yaml:"jitter" default:"5m"`
	// Make up, at the start, for a run that was missed while the daemon was down.
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
	// A reverse proxy in front of it speaks HTTPS. Anything but a loopback address needs that, or a certificate.
	BehindProxy bool `yaml:"behind_proxy" default:"false"`
}

// Notify names addresses that hear of each run, such as those of a dead-man's
// switch.
type Notify struct {
	// Requested after a run that collected everything.
	SuccessURL string `yaml:"success_url"`
	// Requested after a run that did not.
	FailureURL string `yaml:"failure_url"`
}

// Retention says how long the collector keeps what can be done without. Costs are
// kept forever.
type Retention struct {
	// The raw bodies of Partner Center's answers, from which every row can be derived anew.
	Payloads time.Duration `yaml:"payloads" default:"800d"`
	// The ledger of the runs.
	Runs time.Duration `yaml:"runs" default:"400d"`
}
