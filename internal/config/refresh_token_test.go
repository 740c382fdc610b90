package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const sealKey = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="

// loadAuth loads a configuration whose only partner signs in so.
func loadAuth(t *testing.T, auth string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"seal-key": sealKey + "\n", "broken-key": "planted"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "collector.yaml")
	write(t, path, `
database: {url: "postgres://collector@localhost:5432/costs"}
partners:
  - name: contoso.de
    auth: {tenant_id: 00000000-0000-0000-0000-000000000000, client_id: 00000000-0000-0000-0000-000000000000, `+auth+`}
    customers: {discover: true}
`)
	return Load(path, noEnvironment)
}

func TestStoresOfRefreshTokens(t *testing.T) {
	t.Parallel()
	c, err := loadAuth(t, "refresh_token_store: database, seal_key_file: seal-key")
	if err != nil {
		t.Fatal(err)
	}
	if c.Partners[0].Auth.SealKeys.Newest() == "" {
		t.Error("the key was not read")
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprintf("%+v %s %s", c, asJSON, asYAML); strings.Contains(said, sealKey) || strings.Contains(said, "aaaa") {
		t.Errorf("the key stands in %s", said)
	}
	c, err = loadAuth(t, "refresh_token_store: key_vault, key_vault_url: 'https://contoso.vault.azure.net'")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Partners[0].Auth.KeyVaultSecret; got != "collector-contoso-de" {
		t.Errorf("the secret is called %q", got)
	}

	for auth, words := range map[string]string{
		"refresh_token_store: file":                                                                 "refresh_token_file: is missing",
		"refresh_token_store: cloud":                                                                "must be one of file, database or key_vault",
		"refresh_token_store: database":                                                             "seal_key_file: is missing",
		"refresh_token_store: database, seal_key_file: absent":                                      "no such file",
		"refresh_token_store: database, seal_key_file: broken-key":                                  "line 1 is not a key",
		"refresh_token_store: key_vault":                                                            "key_vault_url: is missing",
		"refresh_token_store: key_vault, key_vault_url: 'http://127.0.0.1'":                         "key_vault_url: is not the address of a vault",
		"refresh_token_store: key_vault, key_vault_url: 'https://v.example/x'":                      "key_vault_url: is not the address of a vault",
		"refresh_token_store: key_vault, key_vault_url: 'https://v.example', key_vault_secret: a_b": "key_vault_secret",
		"refresh_token_store: database, seal_key_file: seal-key, seal_key: " + sealKey:              "seal_key_file",
	} {
		_, err := loadAuth(t, auth)
		var problems Errors
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", auth, err, words)
		}
		if err != nil && (strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), sealKey)) {
			t.Errorf("a secret stands in %v", err)
		}
	}
}
