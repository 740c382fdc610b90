// Package vaulttest simulates Azure Key Vault and the sign-in to it, for tests.
package vaulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// URL is the address of the vault, and Name the name of its only secret.
const (
	URL  = "https://" + vaultHost
	Name = "contoso"
)

// Secret is the client secret of the application that may use the vault.
const Secret = "planted-secret"

const (
	tenant    = "11111111-2222-3333-4444-555555555555"
	vaultHost = "contoso.vault.test"
	loginHost = "login.test"
)

// Azure is a key vault and the sign-in to it, behind TLS.
type Azure struct {
	t *testing.T

	mu      sync.Mutex
	values  []string // the versions of the secret
	asked   []string
	refuses int
}

// Start starts the simulation, and returns a client that resolves every name to it.
func Start(t *testing.T) (*Azure, *http.Client) {
	t.Helper()
	a := &Azure{t: t}
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	client := server.Client()
	transport := client.Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	transport.TLSClientConfig.ServerName = "example.com" // the name in the server's certificate
	t.Cleanup(transport.CloseIdleConnections)
	return a, &http.Client{Transport: transport}
}

// Values returns the versions of the secret.
func (a *Azure) Values() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.values)
}

// Asked returns the requests so far.
func (a *Azure) Asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked)
}

// Refuse makes the vault answer with the status.
func (a *Azure) Refuse(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuses = status
}

// ServeHTTP implements http.Handler.
func (a *Azure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Host == vaultHost && r.URL.Path == "/secrets/"+Name && r.URL.Query().Get("api-version") != "",
		r.Host == vaultHost && r.URL.Path == "/secrets/"+Name+"/" && r.URL.Query().Get("api-version") != "":
		a.secret(w, r)
	case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		_, _ = fmt.Fprintf(w, `{"tenant_discovery_endpoint":"https://%s/%s/v2.0/.well-known/openid-configuration","metadata":[]}`, loginHost, tenant)
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		_, _ = fmt.Fprintf(w, `{"token_endpoint":"https://%[1]s/%[2]s/oauth2/v2.0/token","authorization_endpoint":"https://%[1]s/%[2]s/oauth2/v2.0/authorize","issuer":"https://%[1]s/%[2]s/v2.0"}`, loginHost, tenant)
	case r.Host == loginHost && strings.HasSuffix(r.URL.Path, "/token"):
		_ = r.ParseForm()
		a.asked = append(a.asked, "token for "+r.PostForm.Get("scope"))
		if r.PostForm.Get("client_secret") != Secret {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS7000215: planted words"}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"planted-access"}`)
	default:
		a.t.Errorf("asked for %s %s%s", r.Method, r.Host, r.URL)
		w.WriteHeader(http.StatusNotFound)
	}
}

func (a *Azure) secret(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer planted-access" {
		if r.ContentLength > 0 {
			a.t.Error("a secret is sent before the vault has asked for a sign-in")
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization="https://%s/%s", resource="https://vault.test"`, loginHost, tenant))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a.asked = append(a.asked, r.Method)
	switch {
	case a.refuses != 0:
		w.WriteHeader(a.refuses)
		_, _ = fmt.Fprint(w, `{"error":{"code":"Refused","message":"planted words"}}`)
		return
	case r.Method == http.MethodPut:
		var body struct{ Value string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			a.t.Error(err)
		}
		a.values = append(a.values, body.Value)
	case len(a.values) == 0:
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"error":{"code":"SecretNotFound","message":"A secret with (name/id) contoso was not found in this key vault."}}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"value": a.values[len(a.values)-1], "id": fmt.Sprintf("https://%s/secrets/contoso/%032d", vaultHost, len(a.values)),
	})
}

// Identity sets the environment variables of an application.
func Identity(t *testing.T, secret string) {
	t.Helper()
	for name, value := range map[string]string{
		"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": "99999999-2222-3333-4444-555555555555", "AZURE_CLIENT_SECRET": secret,
		"AZURE_AUTHORITY_HOST": "https://" + loginHost, "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
	} {
		t.Setenv(name, value)
	}
}
