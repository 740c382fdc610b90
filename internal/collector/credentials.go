package collector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
	"partnercost/internal/seal"
	"partnercost/internal/vault"
)

// TokenStore returns the place of the partner's refresh token.
func (c *Collector) TokenStore(partner config.Partner) (fetch.TokenStore, error) {
	auth := partner.Auth
	if !SharesToken(partner) {
		return fetch.TokenFile(auth.RefreshTokenFile), nil
	}
	if c.Store == nil {
		return nil, fmt.Errorf("the sign-in of %s needs the database (auth.refresh_token_store: %s)", partner.Name, auth.RefreshTokenStore)
	}
	shared := sharedTokens{collector: c, partner: partner.Name, log: c.Log.With(slog.String("partner", partner.Name))}
	if auth.RefreshTokenStore == "database" {
		// A token opens only for its tenant and application, even if the partner's name is
		// used for another one later.
		shared.place = sealedTokens{keys: auth.SealKeys, about: "partnercost refresh token\x00" + auth.TenantID + "\x00" + auth.ClientID}
		return shared, nil
	}
	secret, err := vault.Open(vault.Options{URL: auth.KeyVaultURL, Name: auth.KeyVaultSecret, HTTP: c.VaultHTTP})
	if err != nil {
		return nil, &ConfigError{err}
	}
	shared.place = vaultToken{secret}
	return shared, nil
}

// tokenPlace reads and writes tokens. The database has a row for each token, even when
// the token itself is elsewhere.
type tokenPlace interface {
	fmt.Stringer
	read(ctx context.Context, known persist.RefreshToken) (fetch.Tokens, error)
	// write returns the row for the database.
	write(ctx context.Context, tokens fetch.Tokens) (persist.RefreshToken, error)
}

// sharedTokens is a fetch.TokenStore for several machines. Whatever the place of the
// token is, a lock in the database admits one machine at a time, and the database holds
// the token's age.
type sharedTokens struct {
	collector *Collector
	partner   string
	place     tokenPlace
	log       *slog.Logger
}

// String implements fmt.Stringer.
func (t sharedTokens) String() string { return t.place.String() }

// Replace implements fetch.TokenStore.
func (t sharedTokens) Replace(ctx context.Context, exchange func(kept fetch.Tokens) (fetch.Tokens, error)) error {
	return t.replace(ctx, func(kept fetch.Tokens, issued time.Time) (fetch.Tokens, time.Time, error) {
		if age := t.collector.Now().Sub(issued); !issued.IsZero() && age >= refreshTokenWarning {
			warnOfAge(t.partner, age, t.log)
		}
		next, err := exchange(kept)
		if next.Refresh != kept.Refresh {
			issued = t.collector.Now()
		}
		return next, issued, err
	})
}

func (t sharedTokens) replace(ctx context.Context, exchange func(kept fetch.Tokens, issued time.Time) (fetch.Tokens, time.Time, error)) error {
	store, wait := t.collector.Store, t.collector.Config.Database.Wait
	var known persist.RefreshToken
	var release func()
	err := collect.RetryWhileUnavailable(ctx, wait, t.log, func(context.Context) (err error) {
		release, err = store.LockRefreshToken(ctx, t.partner)
		return err
	})
	if err != nil {
		return err
	}
	defer release()
	err = collect.RetryWhileUnavailable(ctx, wait, t.log, func(ctx context.Context) (err error) {
		known, err = store.RefreshToken(ctx, t.partner)
		return err
	})
	if err != nil {
		return err
	}
	kept, err := t.place.read(ctx, known)
	if err != nil {
		return err
	}
	next, issued, err := exchange(kept, known.IssuedAt)
	if err != nil || next.Refresh == "" {
		return err
	}
	// The service has replaced the old token: an interruption now would lose the new one.
	keeping, done := collect.WithGrace(ctx, finishWithin)
	defer done()
	write, err := t.place.write(keeping, next)
	if err != nil {
		return err
	}
	write.IssuedAt, write.Revision = issued, known.Revision
	return collect.RetryWhileUnavailable(keeping, wait, t.log, func(ctx context.Context) error {
		// If another process was faster, the database keeps its token: that one is newer, and
		// both are valid.
		_, err := store.KeepRefreshToken(ctx, t.partner, write)
		return err
	})
}

// sealedTokens are stored in the database, encrypted.
type sealedTokens struct {
	keys  *seal.Keys
	about string
}

func (s sealedTokens) String() string { return "the database" }

// sealedForm is the plain text of a sealed token. It is a storage format.
type sealedForm struct {
	Refresh string    `json:"refresh"`
	Access  string    `json:"access,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

func (s sealedTokens) read(_ context.Context, known persist.RefreshToken) (fetch.Tokens, error) {
	if known.KeyID == "" {
		return fetch.Tokens{}, nil // there is no token, or it is in a key vault
	}
	text, err := s.keys.Open(known.KeyID, known.Sealed, s.about)
	advice := "sign in again (collector login), which replaces it"
	switch {
	case errors.Is(err, seal.ErrNoKey):
		advice = "add the key " + known.KeyID + " to auth.seal_key_file, below the new one, or sign in again (collector login)"
	case errors.Is(err, seal.ErrBroken):
		err = errors.New("it was changed, or belongs to another tenant_id or client_id")
	case err == nil:
		var form sealedForm
		if err = json.Unmarshal([]byte(text), &form); err == nil {
			return fetch.Tokens{Refresh: form.Refresh, Access: form.Access, Expires: form.Expires}, nil
		}
		err = errors.New("its content is not that of a stored token")
	}
	return fetch.Tokens{Unreadable: &billing.Failure{
		Class: billing.CredentialFailure, Resource: "sign-in", Message: "the refresh token in the database cannot be opened: " + err.Error() + "; " + advice, Err: err,
	}}, nil
}

func (s sealedTokens) write(_ context.Context, tokens fetch.Tokens) (persist.RefreshToken, error) {
	text, err := json.Marshal(sealedForm{Refresh: tokens.Refresh, Access: tokens.Access, Expires: tokens.Expires})
	if err != nil {
		return persist.RefreshToken{}, err
	}
	return persist.RefreshToken{Sealed: s.keys.Seal(string(text), s.about), KeyID: s.keys.Newest()}, nil
}

// vaultToken is stored in a key vault. The vault holds the refresh token only.
type vaultToken struct{ *vault.Secret }

func (v vaultToken) read(ctx context.Context, _ persist.RefreshToken) (fetch.Tokens, error) {
	token, err := v.Get(ctx)
	return fetch.Tokens{Refresh: token}, err
}

func (v vaultToken) write(ctx context.Context, tokens fetch.Tokens) (persist.RefreshToken, error) {
	return persist.RefreshToken{}, v.Set(ctx, tokens.Refresh)
}

// ErrNothingToMove means that the partner has no file with a token.
var ErrNothingToMove = errors.New("there is no refresh token in a file")

// MoveToken moves the partner's refresh token from its file to the configured store, and
// returns the name of the store. If the store holds a token that was issued later,
// nothing is moved.
func (c *Collector) MoveToken(ctx context.Context, partner config.Partner) (string, error) {
	store, err := c.TokenStore(partner)
	if err != nil {
		return "", err
	}
	to, shared := store.(sharedTokens)
	switch {
	case !shared:
		return "", &UsageError{fmt.Errorf("the refresh token of %s is kept in its file (auth.refresh_token_store: file); name another store in the configuration first", partner.Name)}
	case partner.Auth.RefreshTokenFile == "":
		return "", ErrNothingToMove
	}
	err = fetch.TokenFile(partner.Auth.RefreshTokenFile).MoveTo(ctx, func(token string, issued time.Time) error {
		return to.replace(ctx, func(kept fetch.Tokens, since time.Time) (fetch.Tokens, time.Time, error) {
			if kept.Refresh != "" && since.After(issued) {
				return fetch.Tokens{}, since, fmt.Errorf("%s already holds a newer token, issued at %s; the token in %s was issued at %s; remove the file",
					to, since.UTC().Format(time.RFC3339), partner.Auth.RefreshTokenFile, issued.UTC().Format(time.RFC3339))
			}
			return fetch.Tokens{Refresh: token}, issued, nil
		})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNothingToMove
	}
	return to.String(), err
}
