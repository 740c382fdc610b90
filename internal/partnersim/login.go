package partnersim

import (
	"cmp"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// login plays the token endpoints of the identity platform, in both versions.
type login struct {
	options  Options
	tokens   sealer
	counters *counters
	serial   atomic.Uint64
	// A token of an older generation is expired or revoked.
	accessGeneration, refreshGeneration atomic.Uint64
	// admitted counts the requests that came with an access token since one was last
	// issued.
	admitted atomic.Uint64

	signIns sync.Mutex
	pending map[uint64]*signIn
}

// caller is the identity behind an access token.
type caller uint64

const (
	nobody caller = iota
	// application is the partner's application alone.
	application
	// user is a user of the partner through the application.
	user
	// foreigner has a token for another service.
	foreigner
)

func newLogin(options Options, tokens sealer, counters *counters) *login {
	return &login{options: options, tokens: tokens, counters: counters, pending: map[uint64]*signIn{}}
}

func (l *login) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /{tenant}/oauth2/token", func(w http.ResponseWriter, r *http.Request) { l.serveToken(w, r, 1) })
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) { l.serveToken(w, r, 2) })
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/devicecode", l.serveDeviceCode)
}

// caller returns the identity behind the bearer token of a request, or the problem with
// the token.
func (l *login) caller(r *http.Request) (who caller, problem string) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nobody, "Unauthorized: Authorization header is missing"
	}
	if sameSecret(token, l.options.AccessToken) {
		return user, ""
	}
	var kind, generation, expires, serial uint64
	if !l.tokens.open(accessSeal, token, &kind, &generation, &expires, &serial) {
		return nobody, "Unauthorized: Invalid Authorization header"
	}
	if generation != l.accessGeneration.Load() || l.options.Clock().Unix() >= int64(expires) {
		return nobody, "Unauthorized: Access token has expired"
	}
	if every := uint64(l.options.Login.RequestsPerToken); every > 0 && l.admitted.Add(1)%every == 0 {
		l.accessGeneration.Add(1)
	}
	return caller(kind), ""
}

// serveToken exchanges a grant for tokens at the endpoint of a version.
func (l *login) serveToken(w http.ResponseWriter, r *http.Request, version int) {
	l.counters.requests[tokenEndpoint].Add(1)
	form, client, secret, ok := l.readForm(w, r)
	if !ok {
		return
	}
	kind := form.Get("grant_type")
	device := kind == "device_code" || kind == "urn:ietf:params:oauth:grant-type:device_code"
	switch want := l.options.Login; {
	case want.ClientID != "" && !strings.EqualFold(client, want.ClientID):
		l.fail(w, http.StatusBadRequest, "unauthorized_client", 700016, "Application with the identifier given was not found in the directory.")
		return
	// A device is a public client, which has no secret.
	case want.ClientSecret != "" && !(device && secret == "") && !sameSecret(secret, want.ClientSecret):
		l.fail(w, http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided.")
		return
	}
	g := grant{version: version, scope: form.Get("scope")}
	if version == 1 {
		g.scope = form.Get("resource")
	}
	var refused *refusedGrant
	switch {
	case kind == "client_credentials":
		g.who = application
	case kind == "refresh_token":
		g.who, g.lasting = user, true
		refused = l.redeem(form.Get("refresh_token"))
	case device:
		g.who = user
		// The code has another name at the endpoint of version 1.
		refused = l.redeemDeviceCode(cmp.Or(form.Get("device_code"), form.Get("code")), &g)
	default:
		refused = &refusedGrant{"unsupported_grant_type", 70003, "The app requested an unsupported grant type."}
	}
	if refused != nil {
		l.fail(w, http.StatusBadRequest, refused.kind, refused.code, refused.description)
		return
	}
	l.issue(w, g)
}

// grant is what a request to the token endpoint is entitled to.
type grant struct {
	version int
	who     caller
	// scope is the resource at the endpoint of version 1.
	scope string
	// lasting grants come with a refresh token.
	lasting bool
}

// refusedGrant is the reason why a request is refused.
type refusedGrant struct {
	kind        string
	code        int
	description string
}

// readForm reads a request to the login, whose client may be in the form or in the
// header of basic authentication.
func (l *login) readForm(w http.ResponseWriter, r *http.Request) (form url.Values, client, secret string, ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		l.fail(w, http.StatusBadRequest, "invalid_request", 900144, "The request body could not be read.")
		return nil, "", "", false
	}
	form = r.PostForm
	client, secret = form.Get("client_id"), form.Get("client_secret")
	if name, password, basic := r.BasicAuth(); basic {
		// RFC 6749 2.3.1: both are form-encoded before they are joined.
		client, secret = unescape(name), unescape(password)
	}
	switch want := l.options.Login.Tenant; {
	case want != "" && !strings.EqualFold(r.PathValue("tenant"), want):
		l.fail(w, http.StatusBadRequest, "invalid_request", 90002, "The tenant was not found.")
		return nil, "", "", false
	case client == "":
		l.fail(w, http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'.")
		return nil, "", "", false
	}
	return form, client, secret, true
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// redeem checks a refresh token. A used token stays valid: the service rotates tokens
// without revoking them (API.md 2.3).
func (l *login) redeem(token string) *refusedGrant {
	now := l.options.Clock()
	var generation, issued, serial uint64
	switch {
	case sameSecret(token, l.options.Login.RefreshToken):
		issued = uint64(now.Unix())
	case !l.tokens.open(refreshSeal, token, &generation, &issued, &serial):
		return &refusedGrant{"invalid_grant", 9002313, "Invalid request. Request is malformed or invalid."}
	}
	age := time.Duration(now.Unix()-int64(issued)) * time.Second
	if generation != l.refreshGeneration.Load() || age >= l.options.Login.RefreshTokenLifetime {
		return &refusedGrant{"invalid_grant", 700082, "The refresh token has expired due to inactivity."}
	}
	return nil
}

// issue answers with an access token and, for a lasting grant, with a new refresh
// token. The endpoint of version 1 writes numbers as strings (API.md 2.2).
func (l *login) issue(w http.ResponseWriter, g grant) {
	if isForeign(g.scope) {
		g.who = foreigner
	}
	now := l.options.Clock()
	lifetime := l.options.Login.AccessTokenLifetime
	expires := now.Add(lifetime)
	l.admitted.Store(0)
	tokens := map[string]any{
		"token_type":   "Bearer",
		"access_token": l.tokens.seal(accessSeal, uint64(g.who), l.accessGeneration.Load(), uint64(expires.Unix()), l.serial.Add(1)),
	}
	seconds := int64(lifetime / time.Second)
	if g.version == 1 {
		text := strconv.FormatInt(seconds, 10)
		tokens["expires_in"], tokens["ext_expires_in"] = text, text
		tokens["expires_on"] = strconv.FormatInt(expires.Unix(), 10)
		tokens["not_before"] = strconv.FormatInt(now.Unix(), 10)
		tokens["resource"] = g.scope
		if g.who != application {
			tokens["scope"] = "user_impersonation"
		}
	} else {
		tokens["expires_in"], tokens["ext_expires_in"] = seconds, seconds
		if g.who != application {
			tokens["scope"] = g.scope
		}
	}
	if g.lasting {
		tokens["refresh_token"] = l.tokens.seal(refreshSeal, l.refreshGeneration.Load(), uint64(now.Unix()), l.serial.Add(1))
	}
	w.Header().Set("Cache-Control", "no-store, no-cache")
	writeJSON(w, http.StatusOK, tokens)
}

// isForeign reports whether a resource or scope belongs to a service whose tokens
// Partner Center refuses (API.md 1, "Retired things").
func isForeign(resource string) bool {
	for _, host := range [...]string{"graph.windows.net", "graph.chinacloudapi.cn", "graph.microsoft.com"} {
		if strings.Contains(resource, host) {
			return true
		}
	}
	return false
}

// fail answers in the form of the identity platform (API.md 2.3).
func (l *login) fail(w http.ResponseWriter, status int, kind string, code int, description string) {
	n := l.serial.Add(1)
	now := l.options.Clock().UTC()
	trace, correlation := formatGUID(mix(n), n, lowerHex), formatGUID(mix(n+1), n, lowerHex)
	const stamp = "2006-01-02 15:04:05Z"
	writeJSON(w, status, map[string]any{
		"error": kind,
		"error_description": "AADSTS" + strconv.Itoa(code) + ": " + description +
			" Trace ID: " + trace + " Correlation ID: " + correlation + " Timestamp: " + now.Format(stamp),
		"error_codes":    []int{code},
		"timestamp":      now.Format(stamp),
		"trace_id":       trace,
		"correlation_id": correlation,
	})
}

func sameSecret(got, want string) bool {
	return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}
