package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
)

const (
	customerA = billing.CustomerID("ae1d5b32-f9ff-4252-b2bf-40e21937a51a")
	customerB = billing.CustomerID("0c39d6d5-c70d-4c55-bc02-f620844f3fd1")
	tenant    = "00000000-0000-0000-0000-00000000000a"
)

// good is a complete file; the tests of refusals replace lines of it.
const good = `database:
  url: postgres://collector@localhost:5432/costs
partners:
  - name: contoso
    auth:
      mode: token
      token_file: token
    customers:
      ids: [ae1d5b32-f9ff-4252-b2bf-40e21937a51a]
`

var revealed = cmp.Comparer(func(a, b Secret) bool { return a.Reveal() == b.Reveal() })

func noEnvironment(string) string { return "" }

func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// loadIn loads text as DIR/collector.yaml, together with the files that good needs and
// the given ones.
func loadIn(t *testing.T, dir, text string, files, variables map[string]string) (*Config, error) {
	t.Helper()
	write(t, filepath.Join(dir, "token"), "ready\n")
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	path := filepath.Join(dir, "collector.yaml")
	write(t, path, text)
	return Load(path, environment(variables))
}

func TestLoadEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	got, err := loadIn(t, dir, `
database:
  url_file: secrets/../database
  migrate_url: host=db user=owner dbname=costs
  max_connections: 3
  wait: 90s
partners:
  - name: contoso.de
    cloud: china
    base_url: http://[::1]:8081/
    locale: de-DE
    auth: &app
      mode: app_user
      tenant_id: 00000000-0000-0000-0000-00000000000A
      client_id: 00000000-0000-0000-0000-00000000000a
      client_secret_file: secret
      refresh_token_file: /var/lib/collector/contoso
      login_url: https://login.example.com
    customers:
      ids:
        - AE1D5B32-F9FF-4252-B2BF-40E21937A51A
        - 0c39d6d5-c70d-4c55-bc02-f620844f3fd1
      exclude: [0c39d6d5-c70d-4c55-bc02-f620844f3fd1]
    limits: {requests_per_minute: 60, concurrency: 2, timeout: 90s}
  - name: fabrikam
    auth:
      mode: app_only
      tenant_id: 00000000-0000-0000-0000-00000000000a
      client_id: 00000000-0000-0000-0000-00000000000a
    customers:
      file: customers.txt
      discover: false
  - name: adventure
    auth: *app
    customers: {discover: true, ids: ~}
    base_url:
collect: {costs: false, line_items: false, profiles: minimal, batch: 7}
reconcile: {unseen_after: 36h, jump_factor: 3, jump_percent: 0, jump_amount: 0, jump_periods: 12}
schedule: {cron: "@daily", timezone: Europe/Berlin, jitter: 0, catch_up: false}
console:
  listen: :8443
  password_file: password
  tls_cert_file: tls.crt
  tls_key_file: tls.key
notify:
  success_url: https://example.com/ok
  failure_url: http://alerts.example.com/failed
retention: {payloads: 1d12h, runs: 36h}
`, map[string]string{
		"database":      "postgres://collector:hunter2@localhost/costs\r\n",
		"secret":        "\ufeff s3cret\n",
		"customers.txt": "ae1d5b32-f9ff-4252-b2bf-40e21937a51a\n",
	}, map[string]string{
		"COLLECTOR_CONTOSO_DE_REFRESH_TOKEN": "seed",
		"COLLECTOR_CONTOSO_DE_TOKEN":         "of no use in this mode",
		"COLLECTOR_FABRIKAM_CLIENT_SECRET":   "from the environment",
		"COLLECTOR_ADVENTURE_CLIENT_SECRET":  "wins over the file",
	})
	if err != nil {
		t.Fatal(err)
	}
	defaultLimits := Limits{RequestsPerMinute: 480, Concurrency: 8, Timeout: 3 * time.Minute, MaxRetryAfter: 5 * time.Minute}
	app := Auth{
		Mode: "app_user", TenantID: tenant, ClientID: tenant, RefreshTokenStore: "file",
		ClientSecretFile: filepath.Join(dir, "secret"), RefreshTokenFile: "/var/lib/collector/contoso", LoginURL: "https://login.example.com",
	}
	contoso, adventure := app, app
	contoso.ClientSecret, contoso.RefreshToken = NewSecret("s3cret"), NewSecret("seed")
	adventure.ClientSecret = NewSecret("wins over the file")
	want := &Config{
		Database: Database{
			URL: NewSecret("postgres://collector:hunter2@localhost/costs"), URLFile: filepath.Join(dir, "database"),
			MigrateURL: NewSecret("host=db user=owner dbname=costs"), MaxConnections: 3, Wait: 90 * time.Second,
		},
		Partners: []Partner{
			{
				Name: "contoso.de", Cloud: "china", BaseURL: "http://[::1]:8081/", Locale: "de-DE", Auth: contoso,
				Customers: Customers{IDs: []billing.CustomerID{customerA, customerB}, Exclude: []billing.CustomerID{customerB}},
				Limits:    Limits{RequestsPerMinute: 60, Concurrency: 2, Timeout: 90 * time.Second, MaxRetryAfter: 5 * time.Minute},
			},
			{
				Name: "fabrikam", Cloud: "global", Locale: "en-US",
				Auth:      Auth{Mode: "app_only", TenantID: tenant, ClientID: tenant, RefreshTokenStore: "file", ClientSecret: NewSecret("from the environment")},
				Customers: Customers{File: filepath.Join(dir, "customers.txt")},
				Limits:    defaultLimits,
			},
			{
				Name: "adventure", Cloud: "global", Locale: "en-US", Auth: adventure, Customers: Customers{Discover: true}, Limits: defaultLimits,
			},
		},
		Collect:   Collect{Profiles: "minimal", Batch: 7, Night: 6 * time.Hour, Refresh: 7 * 24 * time.Hour, PartnersAtOnce: 64},
		Reconcile: Reconcile{UnseenAfter: 36 * time.Hour, JumpFactor: 3, JumpPeriods: 12},
		Schedule:  Schedule{Cron: "@daily", Timezone: "Europe/Berlin"},
		Console: Console{
			Listen: ":8443", PasswordFile: filepath.Join(dir, "password"),
			TLSCertFile: filepath.Join(dir, "tls.crt"), TLSKeyFile: filepath.Join(dir, "tls.key"),
		},
		Notify:    Notify{SuccessURL: "https://example.com/ok", FailureURL: "http://alerts.example.com/failed"},
		Retention: Retention{Payloads: 36 * time.Hour, Runs: 36 * time.Hour},
	}
	if diff := cmp.Diff(want, got, revealed); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheEnvironmentWins(t *testing.T) {
	t.Parallel()
	c, err := loadIn(t, t.TempDir(), strings.Replace(good, "token_file: token", "token_file: not-there", 1), nil, map[string]string{
		"COLLECTOR_DATABASE_URL":         "postgres://elsewhere/costs",
		"COLLECTOR_DATABASE_MIGRATE_URL": "postgres://owner:pass@elsewhere/costs",
		"COLLECTOR_CONTOSO_TOKEN":        "other",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Database.URL.Reveal(), c.Database.MigrateURL.Reveal(), c.Partners[0].Auth.Token.Reveal()}
	if diff := cmp.Diff([]string{"postgres://elsewhere/costs", "postgres://owner:pass@elsewhere/costs", "other"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Each case replaces a part of good and states all lines of the error, without the
// directory.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const ids = "ids: [ae1d5b32-f9ff-4252-b2bf-40e21937a51a]"
	const signIn = "mode: token\n      token_file: token"
	for _, tc := range []struct {
		name, old, new   string
		files, variables map[string]string
		want             string
	}{
		// The document.
		{
			name: "empty", old: good, new: "",
			want: "collector.yaml: the file is empty: " + howToBegin,
		},
		{
			name: "comments only", old: good, new: "# nothing\n---\n",
			want: "collector.yaml: the file is empty: " + howToBegin,
		},
		{
			name: "two documents", old: "partners:", new: "---\npartners:",
			want: "collector.yaml:3: a second document begins here; the file must have only one",
		},
		{
			name: "not YAML", old: "  url:", new: "\turl:",
			want: "collector.yaml:2: is not YAML: found character that cannot start any token",
		},
		{
			name: "binary", old: good, new: "\x00\x01",
			want: "collector.yaml: is not YAML: control characters are not allowed",
		},
		{
			name: "a list", old: good, new: "- database\n",
			want: `collector.yaml:1: must be a mapping with keys such as "database:"`,
		},
		// Keys.
		{
			name: "unknown keys", old: good, new: "databse:\n" + good + "    limit:\n      timeout: 1m\n      colour: blue\n    limits:\n      colour: blue\n",
			want: `collector.yaml:1: databse: unknown key; did you mean database?
collector.yaml:11: partners[0].limit: unknown key; did you mean limits?
collector.yaml:15: partners[0].limits.colour: unknown key; known here: requests_per_minute, concurrency, timeout, max_retry_after`,
		},
		{
			name: "a repeated key", old: "    customers:", new: "    name: fabrikam\n    customers:",
			want: "collector.yaml:8: partners[0].name: duplicates line 4",
		},
		{
			name: "a key that is no word", old: "  url:", new: "  ? [a]\n  : b\n  ? \"a\\nb\"\n  : c\n  url:",
			want: `collector.yaml:2: database: a key must be a plain word
collector.yaml:4: database.a` + "\ufffd" + `b: unknown key; known here: url, url_file, migrate_url, migrate_url_file, max_connections, wait`,
		},
		{
			name:      "secrets in the file",
			old:       "partners:\n  - name: contoso\n    auth:\n      mode: token\n      token_file: token",
			new:       "console:\n  password: s3cret\npartners:\n  - name: contoso\n    auth:\n      mode: token\n      token: s3cret\n      client_secret: s3cret\n      refresh_token: s3cret",
			variables: map[string]string{"COLLECTOR_CONTOSO_TOKEN": "ready"},
			want: `collector.yaml:4: console.password: a secret must not be in this file; name a file that holds it with password_file
collector.yaml:9: partners[0].auth.token: a secret must not be in this file; name a file that holds it with token_file, or set COLLECTOR_<NAME>_TOKEN, <NAME> being the partner's name
collector.yaml:10: partners[0].auth.client_secret: a secret must not be in this file; name a file that holds it with client_secret_file, or set COLLECTOR_<NAME>_CLIENT_SECRET, <NAME> being the partner's name
collector.yaml:11: partners[0].auth.refresh_token: a secret must not be in this file; name a file that holds it with refresh_token_file, or set COLLECTOR_<NAME>_REFRESH_TOKEN, <NAME> being the partner's name`,
		},
		// Types.
		{
			name: "values of another type",
			old:  good, new: `database: here
partners:
  - name: 365
    base_url: [a]
    auth: {mode: token, token_file: token}
    customers: {ids: here}
    limits: {requests_per_minute: many, concurrency: 1.5, timeout: 5}
collect: {costs: "true", line_items: 1, batch: 99999999999999999999}
schedule: {cron: 5, jitter: "5"}
`,
			variables: map[string]string{"COLLECTOR_365_TOKEN": "s"},
			want: `collector.yaml:1: database: must be a mapping with keys such as "url:"
collector.yaml:3: partners[0].name: must be text; put 365 in quotes
collector.yaml:4: partners[0].base_url: must be a single value
collector.yaml:6: partners[0].customers.ids: must be a list: [a, b], or one per line after a hyphen
collector.yaml:7: partners[0].limits.requests_per_minute: must be a whole number, not "many"
collector.yaml:7: partners[0].limits.concurrency: must be a whole number, not "1.5"
collector.yaml:7: partners[0].limits.timeout: "5" is not a duration such as "90s", "5m" or "800d"
collector.yaml:8: collect.costs: must be true or false, not "true"
collector.yaml:8: collect.line_items: must be true or false, not "1"
collector.yaml:8: collect.batch: must be a whole number, not "99999999999999999999"
collector.yaml:9: schedule.cron: must be text; put 5 in quotes
collector.yaml:9: schedule.jitter: "5" is not a duration such as "90s", "5m" or "800d"`,
		},
		// Database.
		{
			name: "no database", old: "  url: postgres://collector@localhost:5432/costs\n", new: "",
			want: "collector.yaml:1: database.url: is missing; write it, or url_file, or set COLLECTOR_DATABASE_URL",
		},
		{
			name: "a password in the URL", old: "collector@localhost", new: "collector:s3cret@localhost",
			want: "collector.yaml:2: database.url: holds a password, which must not be in this file; set COLLECTOR_DATABASE_URL, name a file that holds it with url_file, or use a PGPASSFILE",
		},
		{
			name: "passwords in other places", old: "url: postgres://collector@localhost:5432/costs", new: "url: host=localhost password = s3cret\n  migrate_url: postgres:///costs?sslpassword=s3cret\n  password: s3cret",
			want: `collector.yaml:2: database.url: holds a password, which must not be in this file; set COLLECTOR_DATABASE_URL, name a file that holds it with url_file, or use a PGPASSFILE
collector.yaml:3: database.migrate_url: holds a password, which must not be in this file; set COLLECTOR_DATABASE_MIGRATE_URL, name a file that holds it with migrate_url_file, or use a PGPASSFILE
collector.yaml:4: database.password: a secret must not be in this file; set COLLECTOR_DATABASE_URL, name a file that holds the connection string with url_file, or use a PGPASSFILE`,
		},
		{
			name: "another database", old: "postgres://collector@localhost:5432/costs", new: "mysql://localhost/costs",
			want: "collector.yaml:2: database.url: is not a PostgreSQL connection string such as postgres://collector@localhost:5432/costs",
		},
		{
			name: "url and url_file", old: "partners:", new: "  url_file: not-there\n  max_connections: 0\npartners:",
			want: `collector.yaml:3: database.url_file: must not be set together with url; keep one of the two
collector.yaml:3: database.url_file: DIR/not-there: no such file or directory (or set COLLECTOR_DATABASE_URL)
collector.yaml:4: database.max_connections: 0 is too few; it must be at least 1`,
		},
		{
			name: "a bad URL from the environment and from a file", old: "partners:", new: "  migrate_url_file: migrate\npartners:",
			files:     map[string]string{"migrate": "s3cret"},
			variables: map[string]string{"COLLECTOR_DATABASE_URL": "s3cret"},
			want: `collector.yaml:1: database.migrate_url: DIR/migrate is not a PostgreSQL connection string such as postgres://collector@localhost:5432/costs
collector.yaml:2: database.url: COLLECTOR_DATABASE_URL is not a PostgreSQL connection string such as postgres://collector@localhost:5432/costs`,
		},
		// Partners.
		{
			name: "no partner", old: good[strings.Index(good, "partners:"):], new: "partners: []\n",
			want: "collector.yaml:3: partners: must have at least one partner",
		},
		{
			name: "an empty partner", old: good[strings.Index(good, "  - name"):], new: "  -\n",
			want: `collector.yaml:4: partners[0].name: is missing; it identifies the partner in every row
collector.yaml:4: partners[0].auth.tenant_id: is missing; mode app_user needs it
collector.yaml:4: partners[0].auth.client_id: is missing; mode app_user needs it
collector.yaml:4: partners[0].auth.refresh_token_file: is missing; mode app_user keeps the refresh token there and rewrites it at each sign-in
collector.yaml:4: partners[0].customers: must have one of ids, file and discover: true`,
		},
		{
			name: "names", old: good, new: good +
				strings.Replace(good[strings.Index(good, "  - name"):], "contoso", "contoso", 1) +
				strings.Replace(good[strings.Index(good, "  - name"):], "contoso", "a-b", 1) +
				strings.Replace(good[strings.Index(good, "  - name"):], "contoso", "A.b", 1) +
				strings.Replace(good[strings.Index(good, "  - name"):], "contoso", "a-b-refresh", 1) +
				strings.Replace(good[strings.Index(good, "  - name"):], "contoso", "two words", 1) +
				strings.Replace(good[strings.Index(good, "  - name"):], "contoso", strings.Repeat("x", 64), 1),
			want: `collector.yaml:10: partners[1].name: contoso duplicates line 4
collector.yaml:22: partners[3].name: A.b would share COLLECTOR_A_B_CLIENT_SECRET with a-b on line 16; rename one of them
collector.yaml:28: partners[4].name: a-b-refresh would share COLLECTOR_A_B_REFRESH_TOKEN with a-b on line 16; rename one of them
collector.yaml:34: partners[5].name: "two words" must be 1 to 63 letters, digits, "-", "." and "_"
collector.yaml:40: partners[6].name: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." must be 1 to 63 letters, digits, "-", "." and "_"`,
		},
		{
			name: "clouds and locale", old: "    auth:", new: "    cloud: germany\n    locale: \"en\\r\\nX-Evil: 1\"\n    auth:",
			want: `collector.yaml:5: partners[0].cloud: Microsoft Cloud Germany closed on 2021-10-29; its customers moved to global
collector.yaml:6: partners[0].locale: "en` + "\ufffd\ufffd" + `X-Evil: 1" is not a locale such as en-US`,
		},
		{
			name: "an unknown cloud and mode", old: "    auth:\n      " + signIn, new: "    cloud: mars\n    auth: {mode: password}",
			want: `collector.yaml:5: partners[0].cloud: "mars" must be one of global, usgov or china
collector.yaml:6: partners[0].auth.mode: "password" must be one of app_user, app_only or token`,
		},
		{
			name: "addresses", old: "token_file: token", new: "token_file: token\n      login_url: http://login.example.com\n    base_url: http://10.0.0.1",
			want: `collector.yaml:8: partners[0].auth.login_url: http would send the credentials unencrypted; use https (http is allowed for localhost, 127.0.0.0/8 and [::1])
collector.yaml:9: partners[0].base_url: http would send the credentials unencrypted; use https (http is allowed for localhost, 127.0.0.0/8 and [::1])`,
		},
		{
			name: "odd addresses", old: "partners:\n  - name: contoso\n    auth:", new: "notify: {success_url: \"https://host/?a=b\", failure_url: \"ftp://host\"}\npartners:\n  - name: contoso\n    base_url: api.example.com\n    auth:\n      login_url: https://user:s3cret@host",
			want: `collector.yaml:3: notify.failure_url: is not an address such as https://host/path
collector.yaml:6: partners[0].base_url: is not an address such as https://host/path
collector.yaml:8: partners[0].auth.login_url: holds a user name or password, which must not be in this file`,
		},
		{
			name: "an address with a query", old: "    auth:", new: "    base_url: https://host/?a=b\n    auth:",
			want: "collector.yaml:5: partners[0].base_url: must have no query and no fragment",
		},
		{
			name: "limits", old: "    auth:", new: "    limits: {requests_per_minute: -1, concurrency: 0, timeout: -3m}\n    auth:",
			want: `collector.yaml:5: partners[0].limits.requests_per_minute: -1 is too few; it must be at least 1
collector.yaml:5: partners[0].limits.concurrency: 0 is too few; it must be at least 1
collector.yaml:5: partners[0].limits.timeout: -3m0s is too short; it must be more than 0`,
		},
		// Signing in.
		{
			name: "app_only", old: signIn, new: "mode: app_only\n      client_id: 123",
			want: `collector.yaml:5: partners[0].auth.tenant_id: is missing; mode app_only needs it
collector.yaml:5: partners[0].auth.client_secret_file: is missing; mode app_only needs it, or COLLECTOR_CONTOSO_CLIENT_SECRET
collector.yaml:7: partners[0].auth.client_id: must be text; put 123 in quotes`,
		},
		{
			name: "app_user", old: signIn, new: "tenant_id: contoso.example\n      client_secret_file: .",
			variables: map[string]string{"COLLECTOR_CONTOSO_REFRESH_TOKEN": "two\nlines"},
			want: `collector.yaml:5: partners[0].auth.client_id: is missing; mode app_user needs it
collector.yaml:5: partners[0].auth.refresh_token_file: is missing; mode app_user keeps the refresh token there and rewrites it at each sign-in
collector.yaml:5: partners[0].auth.refresh_token_file: COLLECTOR_CONTOSO_REFRESH_TOKEN holds more than one line; it must hold only the value
collector.yaml:6: partners[0].auth.tenant_id: "contoso.example" is not a GUID of the form 00000000-0000-0000-0000-000000000000
collector.yaml:7: partners[0].auth.client_secret_file: DIR: is a directory (or set COLLECTOR_CONTOSO_CLIENT_SECRET)`,
		},
		{
			name: "no token", old: signIn, new: "mode: token",
			want: "collector.yaml:5: partners[0].auth.token_file: is missing; mode token needs it, or COLLECTOR_CONTOSO_TOKEN",
		},
		{
			name: "an empty token file", files: map[string]string{"token": "\r\n"},
			want: "collector.yaml:7: partners[0].auth.token_file: DIR/token is empty",
		},
		{
			name: "a missing token file", old: "token_file: token", new: "token_file: nowhere/token",
			want: "collector.yaml:7: partners[0].auth.token_file: DIR/nowhere/token: no such file or directory (or set COLLECTOR_CONTOSO_TOKEN)",
		},
		// Customers.
		{
			name: "no customers", old: ids, new: "discover: false",
			want: "collector.yaml:8: partners[0].customers: must have one of ids, file and discover: true",
		},
		{
			name: "too many ways", old: ids, new: ids + "\n      file: not-there\n      discover: true",
			want: `collector.yaml:8: partners[0].customers: must have only one of ids and file and discover
collector.yaml:10: partners[0].customers.file: DIR/not-there: no such file or directory (a relative path starts at the directory of this file)`,
		},
		{
			name: "an empty list", old: ids, new: "ids: []",
			want: "collector.yaml:9: partners[0].customers.ids: the list is empty; name a customer, or use file or discover",
		},
		{
			name: "bad ids", old: ids, new: `exclude: [x]
      ids:
        - ae1d5b32-f9ff-4252-b2bf-40e21937a51a
        - ae1d5b32f9ff4252b2bf40e21937a51a
        - ""
        - AE1D5B32-F9FF-4252-B2BF-40E21937A51A
        - ~
        - ae1d5b32-f9ff-4252-b2bf-40e21937a51a # again`,
			want: `collector.yaml:9: partners[0].customers.exclude[0]: "x" is not a GUID of the form 00000000-0000-0000-0000-000000000000
collector.yaml:12: partners[0].customers.ids[1]: "ae1d5b32f9ff4252b2bf40e21937a51a" is not a GUID of the form 00000000-0000-0000-0000-000000000000
collector.yaml:13: partners[0].customers.ids[2]: "" is not a GUID of the form 00000000-0000-0000-0000-000000000000
collector.yaml:14: partners[0].customers.ids[3]: ae1d5b32-f9ff-4252-b2bf-40e21937a51a duplicates line 11
collector.yaml:15: partners[0].customers.ids[4]: "~" is not a GUID of the form 00000000-0000-0000-0000-000000000000
collector.yaml:16: partners[0].customers.ids[5]: ae1d5b32-f9ff-4252-b2bf-40e21937a51a duplicates line 11`,
		},
		{
			name: "a bad customers file after a bad key", old: ids, new: "file: list.txt\n      colour: blue",
			files: map[string]string{"list.txt": "# ours\nx\n\nae1d5b32-f9ff-4252-b2bf-40e21937a51a\nAE1D5B32-F9FF-4252-B2BF-40E21937A51A # again\n"},
			want: `collector.yaml:10: partners[0].customers.colour: unknown key; known here: ids, file, discover, exclude
DIR/list.txt:2: "x" is not a GUID of the form 00000000-0000-0000-0000-000000000000
DIR/list.txt:5: ae1d5b32-f9ff-4252-b2bf-40e21937a51a duplicates line 4`,
		},
		{
			name: "no customers file", old: ids, new: `file: ""`,
			want: "collector.yaml:9: partners[0].customers.file: names no file",
		},
		{
			name: "a directory of customers", old: ids, new: "file: .",
			want: "collector.yaml:9: partners[0].customers.file: DIR is a directory",
		},
		// The rest.
		{
			name: "collect", old: good, new: good + "collect: {profiles: none, batch: -5}\n",
			want: `collector.yaml:10: collect.profiles: "none" must be one of full or minimal
collector.yaml:10: collect.batch: -5 is too few; it must be at least 1`,
		},
		{
			name: "schedule", old: good, new: good + "schedule:\n  cron: 30 2 * *\n  timezone: Europe/Bonn\n  jitter: -1s\n",
			want: `collector.yaml:11: schedule.cron: "30 2 * *" is not a cron spec of five fields such as "30 2 * * *": expected exactly 5 fields, found 4: [30 2 * *]
collector.yaml:12: schedule.timezone: "Europe/Bonn" is not a time zone; name one such as Europe/Berlin or UTC
collector.yaml:13: schedule.jitter: -1s must not be negative`,
		},
		{
			name: "a console for everyone", old: good, new: good + "console:\n  listen: 0.0.0.0:80\n  tls_cert_file: tls.crt\n",
			want: `collector.yaml:10: console: must have both tls_cert_file and tls_key_file, or neither
collector.yaml:11: console.listen: 0.0.0.0:80 can be reached from other machines; name a console.password_file, or listen on 127.0.0.1:80`,
		},
		{
			name: "a console nowhere", old: good, new: good + "console:\n  listen: localhost:http\n",
			want: `collector.yaml:11: console.listen: "localhost:http" is not an address and a port such as 127.0.0.1:8080`,
		},
		{
			name: "reconcile", old: good, new: good + "reconcile:\n  unseen_after: 0\n  jump_factor: 0\n  jump_percent: -1\n  jump_amount: -2\n  jump_periods: 13\n",
			want: `collector.yaml:11: reconcile.unseen_after: 0s is too short; it must be more than 0
collector.yaml:12: reconcile.jump_factor: 0 is too few; it must be at least 1
collector.yaml:13: reconcile.jump_percent: -1 must not be negative
collector.yaml:14: reconcile.jump_amount: -2 must not be negative
collector.yaml:15: reconcile.jump_periods: 13 is too many; it must be at most 12`,
		},
		{
			name: "retention", old: good, new: good + "retention:\n  payloads: 0\n  runs: -1d\n",
			want: `collector.yaml:11: retention.payloads: 0s is too short; it must be more than 0
collector.yaml:12: retention.runs: "-1d" is not a duration such as "90s", "5m" or "800d"`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(good, tc.old) {
				t.Fatalf("%q is not in good", tc.old)
			}
			dir := t.TempDir()
			c, err := loadIn(t, dir, strings.Replace(good, tc.old, tc.new, 1), tc.files, tc.variables)
			if err == nil {
				t.Fatal("was not refused")
			}
			if c != nil {
				t.Errorf("%+v was returned beside the error", c)
			}
			got := strings.ReplaceAll(strings.ReplaceAll(err.Error(), dir+"/collector.yaml", "collector.yaml"), dir, "DIR")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Error("the error tells a secret")
			}
		})
	}
}

func TestLoadMissingFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "collector.yaml"): "there is no such file: " + howToBegin,
		dir:                                  "cannot be read: is a directory",
	} {
		_, err := Load(path, noEnvironment)
		if diff := cmp.Diff(path+": "+want, fmt.Sprint(err)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(good)
	f.Add(read(f, exampleFile))
	f.Add("a: &a [*a]\npartners: &p [*p]\n")
	f.Add("database: {url: [], url: {}, ? {}: 1}\n--- \n")
	f.Add("retention: {runs: 9999999999d, payloads: 1d-1h}\nconsole: {listen: '[::1'}\n")
	path := filepath.Join(f.TempDir(), "collector.yaml")
	write(f, filepath.Join(filepath.Dir(path), "token"), "ready")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "/dev/") || strings.Contains(text, "/proc/") {
			t.Skip("a device may never end")
		}
		c, err := load(path, []byte(text), noEnvironment)
		switch {
		case (c == nil) == (err == nil):
			t.Fatalf("%v and %v", c, err)
		case err != nil:
			for line := range strings.Lines(err.Error()) {
				if !strings.Contains(line, ": ") {
					t.Errorf("not FILE:LINE: MESSAGE: %q", line)
				}
			}
		case len(c.Partners) == 0 || !c.Database.URL.IsSet() || c.Collect.Batch < 1:
			t.Errorf("%+v is not complete", c)
		}
	})
}
