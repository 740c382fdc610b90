package config

import (
	"os"
	"regexp"

	"partnercost/internal/seal"
)

// refreshToken checks where the refresh token of a partner is kept.
func (l *loader) refreshToken(a *Auth, path, partner string) {
	at := func(key string) string { return join(path, key) }
	if !l.oneOf(a.RefreshTokenStore, at("refresh_token_store"), "file", "database", "key_vault") {
		return
	}
	l.expose(a.RefreshTokenFile, at("refresh_token_file"))
	switch {
	case a.RefreshTokenStore == "file" && a.RefreshTokenFile == "":
		l.refuse(at("refresh_token_file"), "is missing; mode app_user keeps the refresh token there and rewrites it at each sign-in")
	case a.RefreshTokenStore == "database":
		l.sealKeys(a, at("seal_key_file"))
	case a.RefreshTokenStore == "key_vault":
		l.keyVault(a, path, partner)
	}
	a.RefreshToken, _ = l.secret("", at("refresh_token_file"), variableOf(partner, "REFRESH_TOKEN"))
}

// sealKeys reads the keys that seal the tokens in the database.
func (l *loader) sealKeys(a *Auth, path string) {
	if a.SealKeyFile == "" {
		l.refuse(path, "is missing; refresh_token_store database seals the tokens with it; make one with: %s", seal.HowToMake)
		return
	}
	text, err := os.ReadFile(a.SealKeyFile)
	if err != nil {
		l.refuse(path, "%s: %v", a.SealKeyFile, cause(err))
		return
	}
	l.expose(a.SealKeyFile, path)
	if a.SealKeys, err = seal.Parse(string(text)); err != nil {
		l.refuse(path, "%s: %v", a.SealKeyFile, err)
	}
}

var (
	vaultSecretPattern = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)
	notInVaultSecret   = regexp.MustCompile(`[^0-9A-Za-z]`)
)

// keyVault checks the place in Azure Key Vault.
func (l *loader) keyVault(a *Auth, path, partner string) {
	at := join(path, "key_vault_url")
	if a.KeyVaultURL == "" {
		l.refuse(at, "is missing; refresh_token_store key_vault needs it, such as https://contoso.vault.azure.net")
	} else if u, ok := l.webAddress(a.KeyVaultURL, at); ok && (u.Scheme != "https" || u.RawQuery != "" || u.Path != "" && u.Path != "/") {
		l.refuse(at, "is not the address of a vault such as https://contoso.vault.azure.net")
	}
	if a.KeyVaultSecret == "" {
		a.KeyVaultSecret = "collector-" + notInVaultSecret.ReplaceAllString(partner, "-")
	}
	if !vaultSecretPattern.MatchString(a.KeyVaultSecret) {
		l.refuse(join(path, "key_vault_secret"), `%q must be 1 to 127 letters, digits and "-"`, shorten(a.KeyVaultSecret))
	}
}
