package partnersim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	approvePath = "/simulator/approve"
	// deviceCodeLifetime is how long the identity platform waits for a sign-in.
	deviceCodeLifetime = 15 * time.Minute
)

// signIn is a device that waits for a user to sign in.
type signIn struct {
	userCode string
	// scope is the scope that the device requested. Without offline_access the sign-in
	// ends without a refresh token.
	scope    string
	expires  time.Time
	polls    int
	approved bool
}

// serveDeviceCode begins a device-code sign-in.
func (l *login) serveDeviceCode(w http.ResponseWriter, r *http.Request) {
	l.counters.requests[deviceEndpoint].Add(1)
	form, _, _, ok := l.readForm(w, r)
	if !ok {
		return
	}
	number, now := l.serial.Add(1), l.options.Clock()
	code := spell(mix(l.options.Seed ^ mix(number)))

	l.signIns.Lock()
	for old, s := range l.pending {
		if !now.Before(s.expires) {
			delete(l.pending, old)
		}
	}
	l.pending[number] = &signIn{userCode: code, scope: form.Get("scope"), expires: now.Add(deviceCodeLifetime)}
	l.signIns.Unlock()

	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	address := scheme + r.Host + approvePath
	writeJSON(w, http.StatusOK, map[string]any{
		"user_code":        code,
		"device_code":      l.tokens.seal(deviceSeal, number),
		"verification_uri": address,
		"expires_in":       int(deviceCodeLifetime / time.Second),
		"interval":         max(1, int(l.options.Login.PollInterval/time.Second)),
		"message":          "To sign in, use a web browser to open the page " + address + " and enter the code " + code + " to authenticate.",
	})
}

// spell returns nine characters that are not easily confused.
func spell(h uint64) string {
	const letters = "BCDFGHJKLMNPQRSTVWXYZ23456789"
	var code [9]byte
	for i := range code {
		code[i] = letters[h%uint64(len(letters))]
		h /= uint64(len(letters))
	}
	return string(code[:])
}

// redeemDeviceCode checks a device code and fills in the grant once its sign-in is
// approved; a code works once.
func (l *login) redeemDeviceCode(code string, g *grant) *refusedGrant {
	var number uint64
	known := l.tokens.open(deviceSeal, code, &number)
	l.signIns.Lock()
	defer l.signIns.Unlock()
	s := l.pending[number]
	if !known || s == nil {
		return &refusedGrant{"invalid_grant", 70000, "The device code is not valid or was already used."}
	}
	if !l.options.Clock().Before(s.expires) {
		delete(l.pending, number)
		return &refusedGrant{"expired_token", 70020, "The device code has expired."}
	}
	if polls := l.options.Login.ApprovePolls; polls >= 0 && s.polls >= polls {
		s.approved = true
	}
	s.polls++
	if !s.approved {
		return &refusedGrant{"authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling."}
	}
	delete(l.pending, number)
	if g.version == 2 {
		g.scope = s.scope
	}
	g.lasting = g.version == 1 || slices.Contains(strings.Fields(s.scope), "offline_access")
	return nil
}

// serveApproval plays the user who signs in: with user_code for one device, without it
// for all that wait.
func (l *login) serveApproval(w http.ResponseWriter, r *http.Request) {
	want := r.URL.Query().Get("user_code")
	l.signIns.Lock()
	approved := 0
	for _, s := range l.pending {
		if want == "" || strings.EqualFold(want, s.userCode) {
			s.approved = true
			approved++
		}
	}
	l.signIns.Unlock()
	if want != "" && approved == 0 {
		http.Error(w, "no device waits with the code "+strconv.Quote(want), http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusOK, map[string]int{"approved": approved})
}

// serveApprovalHelp tells a user who opened the address in a browser what to do.
func (l *login) serveApprovalHelp(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintf(w, "This is a simulator: nobody signs in. Approve a device with\n\n  curl -X POST 'http://%s%s?user_code=CODE'\n", r.Host, approvePath)
}
