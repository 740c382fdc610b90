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

// TokenStore is where the partner's refresh token is kept.
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
		// The tokens of another tenant or application are none of this one's, whatever the
		// partner is called.
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

// tokenPlace is where tokens are, given what the database knows of them.
type tokenPlace interface {
	fmt.Stringer
	read(ctx context.Context, known persist.RefreshToken) (fetch.Tokens, error)
	// write returns what the database is to know.
	write(ctx context.Context, tokens fetch.Tokens) (persist.RefreshToken, error)
}

// sharedTokens is the fetch.TokenStore of several machines: whatever the place, the
// database keeps them apart, and knows how old a token is.
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
	// From here on a token would be lost with an interruption.
	keeping, done := collect.WithGrace(ctx, finishWithin)
	defer done()
	write, err := t.place.write(keeping, next)
	if err != nil {
		return err
	}
	write.IssuedAt, write.Revision = issued, known.Revision
	return collect.RetryWhileUnavailable(keeping, wait, t.log, func(ctx context.Context) error {
		// If another process was faster, its token is the later one: both live.
		_, err := store.KeepRefreshToken(ctx, t.partner, write)
		return err
	})
}

// sealedTokens are in the database.
type sealedTokens struct {
	keys  *seal.Keys
	about string
}

func (s sealedTokens) String() string { return "the database" }

// sealedForm is what is sealed. It is a storage format.
type sealedForm struct {
	Refresh string    `json:"refresh"`
	Access  string    `json:"access,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

func (s sealedTokens) read(_ context.Context, known persist.RefreshToken) (fetch.Tokens, error) {
	if known.KeyID == "" {
		return fetch.Tokens{}, nil // there is none, or a key vault had it
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
		err = errors.New("it is not what this program keeps")
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

// vaultToken is in a key vault, which keeps the refresh token alone.
type vaultToken struct{ *vault.Secret }

func (v vaultToken) read(ctx context.Context, _ persist.RefreshToken) (fetch.Tokens, error) {
	token, err := v.Get(ctx)
	return fetch.Tokens{Refresh: token}, err
}

func (v vaultToken) write(ctx context.Context, tokens fetch.Tokens) (persist.RefreshToken, error) {
	return persist.RefreshToken{}, v.Set(ctx, tokens.Refresh)
}

// ErrNothingToMove says that there is no file with a token.
var ErrNothingToMove = errors.New("there is no refresh token in a file")

// MoveToken takes the partner's refresh token out of its file into the configured store,
// and returns what that is called. A token that is already there and was issued later
// stays, and so does the file.
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
				return fetch.Tokens{}, since, fmt.Errorf("%s already holds a token, issued at %s, after that in %s at %s; remove the file",
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
