package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"partnercost/internal/billing"
	"partnercost/internal/loopback"
	"partnercost/internal/schedule"
)

// validate applies the rules that go beyond the type of a value, and reads the
// secrets.
func (l *loader) validate(c *Config) {
	l.database(&c.Database)
	if len(c.Partners) == 0 && !l.databaseOnly {
		l.refuse("partners", "must have at least one partner")
	}
	for i := range c.Partners {
		l.partner(&c.Partners[i], fmt.Sprintf("partners[%d]", i))
	}
	l.partnerNames(c.Partners)

	l.oneOf(c.Collect.Profiles, "collect.profiles", "full", "minimal")
	l.atLeastOne(c.Collect.Batch, "collect.batch")
	if c.Collect.Night < 0 {
		l.refuse("collect.night", "%s must not be negative", c.Collect.Night)
	}
	l.positive(c.Collect.Refresh, "collect.refresh")
	l.atLeastOne(c.Collect.PartnersAtOnce, "collect.partners_at_once")
	l.reconcile(c.Reconcile)
	if _, err := schedule.ParseZone(c.Schedule.Timezone); err != nil {
		l.refuse("schedule.timezone", "%v", err)
	}
	if _, err := schedule.ParseSpec(c.Schedule.Cron, "UTC"); err != nil {
		l.refuse("schedule.cron", "%v", err)
	}
	if c.Schedule.Jitter < 0 {
		l.refuse("schedule.jitter", "%s must not be negative", c.Schedule.Jitter)
	}
	l.console(c.Console)
	l.webAddress(c.Notify.SuccessURL, "notify.success_url")
	l.webAddress(c.Notify.FailureURL, "notify.failure_url")
	l.positive(c.Retention.Payloads, "retention.payloads")
	l.positive(c.Retention.Runs, "retention.runs")
}

// mostJumpPeriods is how many periods before the newest one are examined.
const mostJumpPeriods = 12

func (l *loader) reconcile(r Reconcile) {
	l.positive(r.UnseenAfter, "reconcile.unseen_after")
	l.atLeastOne(r.JumpFactor, "reconcile.jump_factor")
	l.notNegative(r.JumpPercent, "reconcile.jump_percent")
	l.notNegative(r.JumpAmount, "reconcile.jump_amount")
	l.atLeastOne(r.JumpPeriods, "reconcile.jump_periods")
	if r.JumpPeriods > mostJumpPeriods {
		l.refuse("reconcile.jump_periods", "%d is too many; it must be at most %d", r.JumpPeriods, mostJumpPeriods)
	}
}

func (l *loader) database(d *Database) {
	for _, c := range []struct {
		url       *Secret
		file, key string
	}{{&d.URL, d.URLFile, "url"}, {&d.MigrateURL, d.MigrateURLFile, "migrate_url"}} {
		path, variable := "database."+c.key, "COLLECTOR_DATABASE_"+strings.ToUpper(c.key)
		// None of the messages quotes a connection string: it may hold a password.
		if c.url.IsSet() && hasPassword(c.url.Reveal()) {
			l.refuse(path, "holds a password, which must not be in this file; set %s, name a file that holds it with %s_file, or use a PGPASSFILE",
				variable, c.key)
		}
		if c.url.IsSet() && c.file != "" {
			l.refuse(path+"_file", "must not be set together with %s; keep one of the two", c.key)
		}
		subject := ""
		if elsewhere, from := l.secret(c.file, path+"_file", variable); elsewhere.IsSet() {
			*c.url, subject = elsewhere, from+" "
		}
		if c.url.IsSet() && !connectionForm.MatchString(c.url.Reveal()) {
			l.refuse(path, "%sis not a PostgreSQL connection string such as postgres://collector@localhost:5432/costs", subject)
		}
	}
	if !d.URL.IsSet() && d.URLFile == "" {
		l.refuse("database.url", "is missing; write it, or url_file, or set COLLECTOR_DATABASE_URL")
	}
	l.atLeastOne(d.MaxConnections, "database.max_connections")
	l.positive(d.Wait, "database.wait")
}

// The two forms of a connection string, a URL and a list of settings, and the places
// for a password in each, even in a malformed one.
var (
	connectionForm = regexp.MustCompile(`^(postgres(ql)?://|\s*[a-z_]+\s*=)`)
	passwordForm   = regexp.MustCompile(`(?i)(^|[\s?&])(ssl)?password\s*=|^[a-z]+://[^@/?#]*:[^@?]+@`)
)

func hasPassword(connection string) bool { return passwordForm.MatchString(connection) }

var (
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`)
	localePattern = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
)

// IsPartnerName reports whether a partner may have this name.
func IsPartnerName(name string) bool { return namePattern.MatchString(name) }

func (l *loader) partner(p *Partner, path string) {
	switch {
	case p.Name == "":
		l.refuse(join(path, "name"), "is missing; it identifies the partner in every row")
	case !IsPartnerName(p.Name):
		l.refuse(join(path, "name"), `%q must be 1 to 63 letters, digits, "-", "." and "_"`, shorten(p.Name))
	}
	if p.Cloud == "germany" {
		l.refuse(join(path, "cloud"), "Microsoft Cloud Germany closed on 2021-10-29; its customers moved to global")
	} else {
		l.oneOf(p.Cloud, join(path, "cloud"), "global", "usgov", "china")
	}
	l.serviceAddress(p.BaseURL, join(path, "base_url"))
	if !localePattern.MatchString(p.Locale) {
		l.refuse(join(path, "locale"), "%q is not a locale such as en-US", shorten(p.Locale))
	}
	l.auth(&p.Auth, join(path, "auth"), p.Name)
	l.customers(&p.Customers, join(path, "customers"))
	l.invoices(p, join(path, "invoices"))
	l.atLeastOne(p.Limits.RequestsPerMinute, join(path, "limits.requests_per_minute"))
	l.atLeastOne(p.Limits.Concurrency, join(path, "limits.concurrency"))
	l.positive(p.Limits.Timeout, join(path, "limits.timeout"))
	l.positive(p.Limits.MaxRetryAfter, join(path, "limits.max_retry_after"))
}

// partnerNames refuses a partner with the name of another one, or with a name whose
// variables would be those of another one.
func (l *loader) partnerNames(partners []Partner) {
	type use struct{ line, partner int }
	owners := map[string]use{}
	for i, p := range partners {
		path := fmt.Sprintf("partners[%d].name", i)
		for _, suffix := range []string{"CLIENT_SECRET", "REFRESH_TOKEN", "TOKEN", "GRAPH_CLIENT_SECRET"} {
			variable := variableOf(p.Name, suffix)
			owner, taken := owners[variable]
			if !taken {
				owners[variable] = use{line: l.lines[path], partner: i}
				continue
			}
			if other := partners[owner.partner].Name; p.Name != "" && other == p.Name {
				l.refuse(path, "%s duplicates line %d", p.Name, owner.line)
			} else if p.Name != "" {
				l.refuse(path, "%s would share %s with %s on line %d; rename one of them", p.Name, variable, other, owner.line)
			}
			break
		}
	}
}

// variableOf returns the name of the environment variable with a partner's secret.
func variableOf(partner, suffix string) string {
	return "COLLECTOR_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(partner)) + "_" + suffix
}

func (l *loader) auth(a *Auth, path, partner string) {
	l.guid(&a.TenantID, join(path, "tenant_id"))
	l.guid(&a.ClientID, join(path, "client_id"))
	l.serviceAddress(a.LoginURL, join(path, "login_url"))
	if !l.oneOf(a.Mode, join(path, "mode"), "app_user", "app_only", "token") {
		return
	}
	variable := func(suffix string) string { return variableOf(partner, suffix) }
	if a.Mode == "token" {
		a.Token, _ = l.secret(a.TokenFile, join(path, "token_file"), variable("TOKEN"))
		if a.TokenFile == "" && !a.Token.IsSet() {
			l.refuse(join(path, "token_file"), "is missing; mode token needs it, or %s", variable("TOKEN"))
		}
		return
	}
	if a.TenantID == "" {
		l.refuse(join(path, "tenant_id"), "is missing; mode %s needs it", a.Mode)
	}
	if a.ClientID == "" {
		l.refuse(join(path, "client_id"), "is missing; mode %s needs it", a.Mode)
	}
	a.ClientSecret, _ = l.secret(a.ClientSecretFile, join(path, "client_secret_file"), variable("CLIENT_SECRET"))
	if a.Mode == "app_only" && a.ClientSecretFile == "" && !a.ClientSecret.IsSet() {
		l.refuse(join(path, "client_secret_file"), "is missing; mode app_only needs it, or %s", variable("CLIENT_SECRET"))
	}
	if a.Mode == "app_user" {
		l.refreshToken(a, path, partner)
	}
}

// secret returns the value of a variable or, if that is not set, the content of the
// file that the key at path names. from says which of the two it was.
func (l *loader) secret(file, path, variable string) (s Secret, from string) {
	from, text := variable, l.getenv(variable)
	if text == "" && file == "" {
		return Secret{}, ""
	}
	if text == "" {
		data, err := os.ReadFile(file)
		if err != nil {
			l.refuse(path, "%s: %v (or set %s)", file, cause(err), variable)
			return Secret{}, ""
		}
		from, text = file, string(data)
		l.expose(file, path)
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	switch {
	case text == "":
		l.refuse(path, "%s is empty", from)
	case strings.ContainsFunc(text, unicode.IsControl):
		l.refuse(path, "%s holds more than one line; it must hold only the value", from)
	}
	return NewSecret(text), from
}

func (l *loader) console(c Console) {
	host, port, err := net.SplitHostPort(c.Listen)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
		l.refuse("console.listen", "%q is not an address and a port such as 127.0.0.1:8080", shorten(c.Listen))
	} else if !loopback.Host(host) && c.PasswordFile == "" {
		l.refuse("console.listen", "%s can be reached from other machines; name a console.password_file, or listen on 127.0.0.1:%d", c.Listen, n)
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		l.refuse("console", "must have both tls_cert_file and tls_key_file, or neither")
	}
}

// guid checks a GUID, if it is set, and changes it to its canonical form.
func (l *loader) guid(s *string, path string) {
	if *s == "" {
		return
	}
	id, err := billing.ParseCustomerID(shorten(*s))
	if err != nil {
		l.refuse(path, "%v", err)
		return
	}
	*s = string(id)
}

// webAddress checks an address, if it is set, and returns it.
func (l *loader) webAddress(s, path string) (*url.URL, bool) {
	if s == "" {
		return nil, false
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		// The address is not quoted: it may hold a password, or be one.
		l.refuse(path, "is not an address such as https://host/path")
	case u.User != nil:
		l.refuse(path, "holds a user name or password, which must not be in this file")
	default:
		return u, true
	}
	return nil, false
}

// serviceAddress checks an address to which credentials are sent.
func (l *loader) serviceAddress(s, path string) {
	u, ok := l.webAddress(s, path)
	switch {
	case !ok:
	case u.Scheme == "http" && !loopback.Host(u.Hostname()):
		l.refuse(path, "http would send the credentials unencrypted; use https (http is allowed for localhost, 127.0.0.0/8 and [::1])")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		l.refuse(path, "must have no query and no fragment")
	}
}

func (l *loader) oneOf(value, path string, allowed ...string) bool {
	if slices.Contains(allowed, value) {
		return true
	}
	last := len(allowed) - 1
	l.refuse(path, "%q must be one of %s or %s", shorten(value), strings.Join(allowed[:last], ", "), allowed[last])
	return false
}

func (l *loader) notNegative(n int, path string) {
	if n < 0 {
		l.refuse(path, "%d must not be negative", n)
	}
}

func (l *loader) atLeastOne(n int, path string) {
	if n < 1 {
		l.refuse(path, "%d is too few; it must be at least 1", n)
	}
}

func (l *loader) positive(d time.Duration, path string) {
	if d <= 0 {
		l.refuse(path, "%s is too short; it must be more than 0", d)
	}
}
