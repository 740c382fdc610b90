package collector

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
	"partnercost/internal/partnersim"
	"partnercost/internal/seal"
	"partnercost/internal/vault/vaulttest"
)

const tenantID = "11111111-2222-4333-8444-555555555555"

// signsIn makes the partner of an installation sign in at the simulator, and store its
// refresh token in the store.
func (i *installation) signsIn(store string) {
	i.t.Helper()
	partner := &i.Config.Partners[0]
	partner.Auth = config.Auth{
		Mode: "app_user", TenantID: tenantID, ClientID: "app", LoginURL: partner.BaseURL,
		RefreshTokenStore: store, RefreshToken: config.NewSecret("simulator"), SealKeys: sealKeys(i.t, 'a'),
		KeyVaultURL: vaulttest.URL, KeyVaultSecret: vaulttest.Name, RefreshTokenFile: filepath.Join(i.t.TempDir(), "token"),
	}
}

// sealKeys returns the keys of a file with one key for each letter.
func sealKeys(t *testing.T, letters ...byte) *seal.Keys {
	t.Helper()
	var text strings.Builder
	for _, letter := range letters {
		text.WriteString(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(letter), 32))) + "\n")
	}
	k, err := seal.Parse(text.String())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// machine returns another collector, with the same configuration and connections of its
// own.
func (i *installation) machine() *Collector {
	i.t.Helper()
	store, err := i.open(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(store.Close)
	c := *i.Collector
	c.Store = store
	return &c
}

// source returns the partner's source of tokens on a machine.
func (i *installation) source(c *Collector) fetch.TokenSource {
	i.t.Helper()
	cloud, err := CloudOf(c.Config.Partners[0])
	if err != nil {
		i.t.Fatal(err)
	}
	source, err := c.tokens(c.Config.Partners[0], cloud)
	if err != nil {
		i.t.Fatal(err)
	}
	return source
}

func (i *installation) token() error {
	i.t.Helper()
	_, err := i.source(i.Collector).Token(i.t.Context())
	return err
}

func (i *installation) exchanges() int { return int(i.sim.Stats().Requests["token"]) }

// Two machines that need a token at the same time make one exchange. The same holds
// when the service refuses the access token of both.
func TestMachinesShareAnExchange(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1, Seed: 31})
	i.signsIn("database")
	first, second := i.source(i.machine()), i.source(i.machine())
	both := func(get func(fetch.TokenSource) (string, error)) string {
		t.Helper()
		var tokens [2]string
		var group errgroup.Group
		for n, source := range []fetch.TokenSource{first, second} {
			group.Go(func() (err error) {
				tokens[n], err = get(source)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		want(t, "the token of the second machine", tokens[0], tokens[1])
		return tokens[0]
	}
	token := both(func(s fetch.TokenSource) (string, error) { return s.Token(t.Context()) })
	want(t, "exchanges", 1, i.exchanges())
	another := both(func(s fetch.TokenSource) (string, error) { return s.Refresh(t.Context(), token) })
	if another == token {
		t.Error("the stale token was not replaced")
	}
	want(t, "exchanges after a refusal", 2, i.exchanges())

	// The database stores the token and cannot read it.
	kept := i.lines(`SELECT encode(sealed, 'escape') FROM collector.refresh_tokens`)
	if len(kept) != 1 || strings.Contains(kept[0], "refresh") || strings.Contains(kept[0], token) || strings.Contains(kept[0], another) {
		t.Errorf("the database keeps %q", kept)
	}
	for _, secret := range []string{token, another} {
		if strings.Contains(i.log.String(), secret) {
			t.Error("a token stands in the log")
		}
	}
}

// A token is stored even if the database sessions end while it is obtained.
func TestAnExchangeSurvivesTheLossOfItsSessions(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1, Seed: 32})
	i.signsIn("database")
	store, err := i.TokenStore(i.Config.Partners[0])
	if err != nil {
		t.Fatal(err)
	}
	err = store.Replace(t.Context(), func(fetch.Tokens) (fetch.Tokens, error) {
		i.lines(`SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		return fetch.Tokens{Refresh: "later"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantKept(t, store, "later")
}

// wantKept checks that the store holds the refresh token.
func wantKept(t *testing.T, store fetch.TokenStore, token string) {
	t.Helper()
	err := store.Replace(t.Context(), func(kept fetch.Tokens) (fetch.Tokens, error) {
		want(t, "the kept token", token, kept.Refresh)
		return fetch.Tokens{}, nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Of two processes that have read the same token, only one replaces it, even without the
// lock.
func TestALaterTokenStays(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1, Seed: 33})
	i.signsIn("database")
	store, err := i.TokenStore(i.Config.Partners[0])
	if err != nil {
		t.Fatal(err)
	}
	slow := store.Replace(t.Context(), func(fetch.Tokens) (fetch.Tokens, error) {
		known, err := i.Store.RefreshToken(t.Context(), "sim")
		if err != nil {
			return fetch.Tokens{}, err
		}
		known.IssuedAt, known.Sealed, known.KeyID = begin, sealKeys(t, 'a').Seal(`{"refresh":"faster"}`, "partnercost refresh token\x00"+tenantID+"\x00app"), sealKeys(t, 'a').Newest()
		kept, err := i.Store.KeepRefreshToken(t.Context(), "sim", known)
		want(t, "the faster one is kept", true, kept)
		return fetch.Tokens{Refresh: "slower"}, err
	})
	want(t, "the slower one", error(nil), slow)
	wantKept(t, store, "faster")
}

func TestKeysOfTheDatabase(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1, Seed: 34, Login: partnersim.Login{PollInterval: time.Second, ApprovePolls: 1}})
	i.signsIn("database")
	auth := &i.Config.Partners[0].Auth
	if err := i.token(); err != nil {
		t.Fatal(err)
	}
	auth.RefreshToken = config.Secret{}
	i.clock.advance(24 * time.Hour)
	auth.SealKeys = sealKeys(t, 'b', 'a')
	want(t, "a new key before the old one", error(nil), i.token())
	want(t, "what it is sealed with", []string{sealKeys(t, 'b').Newest()}, i.lines(`SELECT key_id FROM collector.refresh_tokens`))
	auth.SealKeys = sealKeys(t, 'b')
	i.clock.advance(24 * time.Hour)
	want(t, "the new key alone", error(nil), i.token())

	before := i.exchanges()
	refused := func(words string) {
		t.Helper()
		err := i.token()
		var f *billing.Failure
		if !errors.As(err, &f) || f.Class != billing.CredentialFailure || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want a failure that says %q", err, words)
		}
	}
	auth.SealKeys = sealKeys(t, 'c')
	refused("add the key " + sealKeys(t, 'b').Newest())
	auth.SealKeys, auth.ClientID = sealKeys(t, 'b'), "another"
	refused("another tenant_id or client_id")
	want(t, "exchanges without a token", before, i.exchanges())

	// A sign-in replaces a token that cannot be opened.
	store, err := i.TokenStore(i.Config.Partners[0])
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := CloudOf(i.Config.Partners[0])
	if err != nil {
		t.Fatal(err)
	}
	want(t, "a login", error(nil), fetch.DeviceLogin(t.Context(), SignInOf(i.Config.Partners[0], cloud, i.clock.Now), store, func(string, string) {}))
	want(t, "after it", error(nil), i.token())
}

// A token stays with its partner when the partner is renamed.
func TestATokenOfARenamedPartner(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1, Seed: 38})
	i.signsIn("database")
	want(t, "a night", error(nil), i.night(Request{}).Err)
	i.Config.Partners[0].Auth.RefreshToken = config.Secret{}
	i.Config.Partners[0].Name = "new"
	if err := i.Store.RenamePartner(t.Context(), "sim", "new"); err != nil {
		t.Fatal(err)
	}
	want(t, "under its new name", error(nil), i.token())
}

func TestATokenMovesFromItsFile(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1, Seed: 35})
	i.signsIn("database")
	partner := i.Config.Partners[0]
	file := partner.Auth.RefreshTokenFile
	put := func(token string, issued time.Time) {
		t.Helper()
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, issued, issued); err != nil {
			t.Fatal(err)
		}
	}
	_, err := i.MoveToken(t.Context(), partner)
	want(t, "nothing to move", true, errors.Is(err, ErrNothingToMove))

	put("of the file", begin.Add(-80*24*time.Hour))
	to, err := i.MoveToken(t.Context(), partner)
	want(t, "moved", "the database", to)
	want(t, "moving", error(nil), err)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	store, err := i.TokenStore(partner)
	if err != nil {
		t.Fatal(err)
	}
	wantKept(t, store, "of the file")
	if !strings.Contains(i.log.String(), "age_days=80") {
		t.Error("nothing warns of the old token")
	}
	issued, err := i.Store.RefreshTokensIssued(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	state := SignInStateOf(partner, issued, begin)
	want(t, "days left", 10, *state.DaysLeft)

	put("older", begin.Add(-81*24*time.Hour))
	_, err = i.MoveToken(t.Context(), partner)
	if err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("an older token moves: %v", err)
	}
	wantKept(t, store, "of the file")

	partner.Auth.RefreshTokenStore = "file"
	_, err = i.MoveToken(t.Context(), partner)
	var usage *UsageError
	want(t, "from a file to itself", true, errors.As(err, &usage))
}

// The key vault stores the token. The database has the lock and the token's age.
func TestATokenInAKeyVault(t *testing.T) {
	vaulttest.Identity(t, vaulttest.Secret)
	azure, client := vaulttest.Start(t)
	i := install(t, partnersim.Options{Customers: 1, Seed: 36})
	i.signsIn("key_vault")
	i.VaultHTTP = client
	var group errgroup.Group
	for _, machine := range []*Collector{i.machine(), i.machine()} {
		source := i.source(machine)
		group.Go(func() error {
			_, err := source.Token(t.Context())
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	values := azure.Values()
	if len(values) != 2 || values[0] == values[1] {
		t.Errorf("the vault has %d versions", len(values))
	}
	want(t, "what the database keeps", []string{"true 2026-11-01 2"},
		i.lines(`SELECT (sealed IS NULL)::text || ' ' || issued_at::date || ' ' || revision FROM collector.refresh_tokens`))
	store, err := i.TokenStore(i.Config.Partners[0])
	if err != nil {
		t.Fatal(err)
	}
	wantKept(t, store, values[1])
	for _, secret := range values {
		if strings.Contains(i.log.String(), secret) {
			t.Error("a token stands in the log")
		}
	}
}

// While another process has the lock, a process waits for the token until its context
// ends.
func TestATokenInUseIsWaitedFor(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1, Seed: 37})
	i.signsIn("database")
	release, err := i.machine().Store.LockRefreshToken(t.Context(), "sim")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := i.source(i.Collector).Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want to be waiting", err)
	}
	release()
	want(t, "after that", error(nil), i.token())
}
