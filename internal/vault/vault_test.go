package vault_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/vault"
	"partnercost/internal/vault/vaulttest"
)

func open(t *testing.T, client *http.Client) *vault.Secret {
	t.Helper()
	s, err := vault.Open(vault.Options{URL: vaulttest.URL, Name: vaulttest.Name, HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASecretIsKept(t *testing.T) {
	vaulttest.Identity(t, vaulttest.Secret)
	a, client := vaulttest.Start(t)
	s := open(t, client)
	if got, err := s.Get(t.Context()); err != nil || got != "" {
		t.Errorf("before it is there: %q, %v", got, err)
	}
	for _, value := range []string{"first", "second"} {
		if err := s.Set(t.Context(), value); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context()); err != nil || got != value {
			t.Errorf("got %q, %v, want %s", got, err, value)
		}
	}
	want := []string{"token for https://vault.test/.default openid offline_access profile", "GET", "PUT", "GET", "PUT", "GET"}
	if diff := cmp.Diff(want, a.Asked()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestWhatAVaultRefusesIsSaidInWords(t *testing.T) {
	vaulttest.Identity(t, vaulttest.Secret)
	a, client := vaulttest.Start(t)
	s := open(t, client)
	for status, words := range map[int]string{
		http.StatusForbidden: "Key Vault Secrets Officer", http.StatusConflict: "az keyvault secret recover", http.StatusBadRequest: "auth.key_vault_url",
		http.StatusNotFound: "auth.key_vault_url",
	} {
		a.Refuse(status)
		_, err := s.Get(t.Context())
		check(t, err, words)
		check(t, s.Set(t.Context(), "planted-refresh"), words)
	}
}

func TestAnIdentityThatAzureRefuses(t *testing.T) {
	vaulttest.Identity(t, "planted wrong")
	_, client := vaulttest.Start(t)
	_, err := open(t, client).Get(t.Context())
	check(t, err, "AZURE_CLIENT_ID")
}

func TestNoIdentity(t *testing.T) {
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"} {
		t.Setenv(name, "")
	}
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
	_, client := vaulttest.Start(t)
	s, err := vault.Open(vault.Options{URL: vaulttest.URL, Name: vaulttest.Name, HTTP: client})
	if err == nil {
		_, err = s.Get(t.Context())
	}
	check(t, err, "AZURE_CLIENT_ID")
}

// check wants a failure with the words, and without any text from Azure.
func check(t *testing.T, err error, words string) {
	t.Helper()
	var f *billing.Failure
	if !errors.As(err, &f) || !f.Class.EndsRun() || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want a failure that says %q", err, words)
	}
	if said := fmt.Sprintf("%v %+v", err, err); strings.Contains(said, "planted") {
		t.Errorf("%q repeats a secret or a text from Azure", said)
	}
}
