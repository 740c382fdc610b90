package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

// changing is a source of one token after the other.
type changing struct {
	mu        sync.Mutex
	current   int
	refreshes int
}

func (c *changing) Token(context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint("token-", c.current), nil
}

func (c *changing) Refresh(_ context.Context, stale string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshes++
	if stale == fmt.Sprint("token-", c.current) {
		c.current++
	}
	return fmt.Sprint("token-", c.current), nil
}

// bearer answers requests with a good token and refuses all others.
func bearer(good func(token string) bool, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !good(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
			says(401, `{"statusCode":401,"message":"Unauthorized: expired"}`)(w, r)
			return
		}
		answer(w, r)
	}
}

func TestRunEndsWhenTheFirstCustomersLackTheRole(t *testing.T) {
	t.Parallel()

	_, url := newPartner(t, map[string]http.HandlerFunc{profilePath: says(403, ""), summaryPath: says(403, "")})
	c := client(t, full(url))
	for i := range 6 {
		s, err := c.Statement(t.Context(), asked)
		if i < 4 {
			if err != nil {
				t.Fatal(err)
			}
			checkFailure(t, s.Failure, billing.RoleMissing, "")
			continue
		}
		checkFailure(t, err, billing.ConfigurationFailure, "", "none of the first customers can be read", "Admin agent")
	}

	_, url = newPartner(t, map[string]http.HandlerFunc{profilePath: inTurn(says(200, goodProfile), says(403, "")), summaryPath: says(403, "")})
	c = client(t, full(url))
	for range 8 {
		if _, err := c.Statement(t.Context(), asked); err != nil {
			t.Errorf("a customer was read once, and yet: %v", err)
		}
	}
}

// A refusal of one resource concerns that resource only: the other is read, however
// many customers are refused the first.
func TestRoleForOneResourceIsEnoughForIt(t *testing.T) {
	t.Parallel()

	for _, refused := range []string{profilePath, summaryPath} {
		_, url := newPartner(t, map[string]http.HandlerFunc{refused: says(403, "The supplied role does not have the rights")})
		c := client(t, full(url))
		var group errgroup.Group
		group.SetLimit(8)
		for range 40 {
			group.Go(func() error {
				s, err := c.Statement(t.Context(), asked)
				if err != nil {
					return err
				}
				checkFailure(t, s.Failure, billing.RoleMissing, "", refused)
				if (s.Profile != nil) == (refused == profilePath) || (s.Costs != nil) == (refused == summaryPath) {
					t.Errorf("%+v", s)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Errorf("%s: %v", refused, err)
		}
	}
}

func TestTokenIsRefreshedOnce(t *testing.T) {
	t.Parallel()

	second := func(token string) bool { return token == "token-1" }
	for name, list := range map[string]http.HandlerFunc{"": bearer(second, says(200, pageOf("", 1))), "with a list in trouble": says(500, "")} {
		_, url := newPartner(t, map[string]http.HandlerFunc{profilePath: bearer(second, says(200, goodProfile)), "/v1/customers": list})
		source := &changing{}
		s, err := client(t, fetch.Options{BaseURL: url, Tokens: source}).Statement(t.Context(), asked)
		if err != nil || s.Failure != nil || source.refreshes != 1 {
			t.Errorf("%s: %+v, %v, %d refreshes", name, s, err, source.refreshes)
		}
	}
}

// A dead sign-in costs some dozens of requests, whatever the concurrency.
func TestDeadSignInEndsTheRun(t *testing.T) {
	t.Parallel()

	never := bearer(func(string) bool { return false }, nil)
	for name, list := range map[string]http.HandlerFunc{"": never, "with a list in trouble": says(500, "")} {
		for _, source := range []fetch.TokenSource{&changing{}, fetch.StaticToken("dead")} {
			t.Run(fmt.Sprintf("%T %s", source, name), func(t *testing.T) {
				t.Parallel()
				p, url := newPartner(t, map[string]http.HandlerFunc{profilePath: never, summaryPath: never, "/v1/customers": list})
				o := full(url)
				o.Tokens, o.Concurrency = source, 16
				c := client(t, o)
				group, ctx := errgroup.WithContext(t.Context())
				group.SetLimit(16)
				for range 200 {
					group.Go(func() error {
						if ctx.Err() == nil {
							_, err := c.Statement(ctx, asked)
							return err
						}
						return nil
					})
				}
				checkFailure(t, group.Wait(), billing.CredentialFailure, "")
				if n := len(p.all()); n > 100 {
					t.Errorf("%d requests into a closed door", n)
				}
			})
		}
	}
}

// One customer whose every token is refused is one customer's failure.
func TestTokenRefusedForOneCustomer(t *testing.T) {
	t.Parallel()

	for _, source := range []fetch.TokenSource{&changing{}, fetch.StaticToken("simulator")} {
		t.Run(fmt.Sprintf("%T", source), func(t *testing.T) {
			t.Parallel()
			p, url := newPartner(t, map[string]http.HandlerFunc{"/v1/customers": says(200, pageOf("", 1))})
			for resource, answer := range p.answers {
				p.answers[resource] = func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.Path, string(idOf(12))) || strings.Contains(r.URL.Path, string(idOf(13))) {
						says(401, `{"statusCode":401,"message":"Unauthorized"}`)(w, r)
						return
					}
					answer(w, r)
				}
			}
			o := full(url)
			o.Tokens = source
			c := client(t, o)
			for n := range 40 {
				s, err := c.Statement(t.Context(), idOf(n))
				if err != nil {
					t.Fatalf("customer %d: %v", n, err)
				}
				if n == 12 || n == 13 {
					checkFailure(t, s.Failure, billing.Refused, "", "accepted for others")
				} else if s.Failure != nil || len(s.LineItems) != 1 {
					t.Errorf("customer %d: %+v", n, s)
				}
			}
			if changing, ok := source.(*changing); ok && changing.refreshes > 2 {
				t.Errorf("%d refreshes for a sign-in that is good", changing.refreshes)
			}
		})
	}
}

// When one resource refuses every customer from one moment on, another that is served
// does not excuse it: the run ends within some dozens of requests.
func TestACondemnedResourceEndsTheRun(t *testing.T) {
	t.Parallel()

	for _, refusal := range []http.HandlerFunc{says(401, `{"code":900421}`), says(403, `{"code":900329}`), says(403, `{"code":900124}`)} {
		var answers []http.HandlerFunc
		for range 12 { // one customer after the other, but not in a row
			answers = append(answers, says(200, goodSummary), refusal)
		}
		p, url := newPartner(t, map[string]http.HandlerFunc{summaryPath: inTurn(answers...)})
		c := client(t, full(url))
		var err error
		for err == nil && len(p.of(summaryPath)) < 200 {
			_, err = c.Statement(t.Context(), asked)
		}
		if f, ok := errors.AsType[*billing.Failure](err); !ok || !f.Class.EndsRun() || len(p.of(summaryPath)) != len(answers)+9 {
			t.Errorf("after %d summaries: %v", len(p.of(summaryPath)), err)
		}
	}
}

// A code that condemns the sign-in is not believed while other customers are served: one
// customer must not cost all the others their night. When every customer meets it, the
// run ends.
func TestACondemningCodeMustBeProven(t *testing.T) {
	t.Parallel()

	const noMFA, notActive = `{"code":"900421","description":"mfa"}`, `{"code":"900149","description":"not active"}`
	for _, test := range []struct {
		name    string
		refused func(n int) bool
		status  int
		body    string
		list    http.HandlerFunc
		ends    bool
	}{
		{"the first customer alone, and the sign-in is good", func(n int) bool { return n == 0 }, 401, noMFA, says(200, pageOf("", 1)), false},
		{"a later one alone", func(n int) bool { return n == 12 }, 401, noMFA, says(401, noMFA), false},
		{"a later one alone, for the configuration", func(n int) bool { return n == 12 }, 403, notActive, says(403, notActive), false},
		{"the first customer alone, by 403", func(n int) bool { return n == 0 }, 403, `{"code":900329}`, says(200, pageOf("", 1)), false},
		{"the first customer alone, while the list is in trouble", func(n int) bool { return n == 0 }, 403, notActive, says(500, ""), false},
		{"everybody, by 403", func(int) bool { return true }, 403, `{"code":900329}`, says(200, pageOf("", 1)), true},
		{"everybody, while the list is in trouble", func(int) bool { return true }, 403, notActive, says(500, ""), true},
		{"everybody", func(int) bool { return true }, 401, noMFA, says(401, noMFA), true},
		{"everybody, and the list is served", func(int) bool { return true }, 401, noMFA, says(200, pageOf("", 1)), true},
		{"everybody from one moment on", func(n int) bool { return n >= 12 }, 401, noMFA, says(401, noMFA), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, url := newPartner(t, map[string]http.HandlerFunc{"/v1/customers": test.list})
			for resource, answer := range p.answers {
				if resource == "/v1/customers" {
					continue
				}
				p.answers[resource] = func(w http.ResponseWriter, r *http.Request) {
					for n := range 40 {
						if strings.Contains(r.URL.Path, string(idOf(n))) && test.refused(n) {
							says(test.status, test.body)(w, r)
							return
						}
					}
					answer(w, r)
				}
			}
			c := client(t, full(url))
			for n := range 40 {
				s, err := c.Statement(t.Context(), idOf(n))
				switch {
				case err != nil && test.ends:
					if sent := len(p.all()); sent > 100 {
						t.Errorf("%d requests into a closed door", sent)
					}
					return
				case err != nil:
					t.Fatalf("customer %d: %v", n, err)
				case test.refused(n):
					if s.Failure == nil || s.Failure.Class != billing.Refused {
						t.Errorf("customer %d: failure %v, want one of class %s", n, s.Failure, billing.Refused)
					}
				case s.Failure != nil:
					t.Errorf("customer %d: %v", n, s.Failure)
				}
			}
			if test.ends {
				t.Error("the run went through all customers")
			}
		})
	}
}

// mortal returns a new token whenever it is asked to. Each dies after a while, which
// only the service knows.
type mortal struct {
	changing

	life time.Duration
	mint map[string]time.Time
}

func (m *mortal) isGood(token string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	born, known := m.mint[token]
	if !known {
		born = time.Now()
		m.mint[token] = born
	}
	return time.Since(born) < m.life
}

// Tokens that expire early are renewed as long as new ones are issued.
func TestShortLivedTokensAreRenewed(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		source := &mortal{life: time.Second, mint: map[string]time.Time{}}
		answers := map[string]string{profilePath: goodProfile, summaryPath: goodSummary, itemsPath: goodItems, "": pageOf("", 1)}
		w := &wire{start: time.Now(), answer: func(_ int, r *http.Request) *http.Response {
			time.Sleep(100 * time.Millisecond)
			if !source.isGood(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
				return respond(401, "")
			}
			time.Sleep(200 * time.Millisecond)
			rest, _ := strings.CutPrefix(r.URL.Path, "/v1/customers/")
			_, resource, _ := strings.Cut(rest, "/")
			if r.URL.Path == "/v1/customers" {
				resource = ""
			}
			return respond(200, answers[resource])
		}}
		o := full("https://api.example")
		o.Transport, o.Tokens = w, source
		c := client(t, o)
		wantStatements(t, c, 4, 25)
		if source.refreshes < 10 {
			t.Errorf("%d refreshes", source.refreshes)
		}
	})
}

// A single refusal is an accident, also of a token that works for other requests.
func TestRefusalByAccidentIsAskedAgain(t *testing.T) {
	t.Parallel()

	refused := says(401, `{"statusCode":401,"message":"Unauthorized"}`)
	_, url := newPartner(t, map[string]http.HandlerFunc{
		"/v1/customers": says(200, pageOf("", 1)),
		profilePath:     inTurn(refused, says(200, goodProfile), refused, says(200, goodProfile)),
	})
	o := full(url)
	o.Tokens = &changing{}
	c := client(t, o)
	wantStatements(t, c, 1, 2)
}

// A request may arrive when its token has just expired, although one that was sent
// beside it was accepted.
func TestTokenDiesBetweenTwoRequests(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		source := &mortal{life: time.Second, mint: map[string]time.Time{}}
		answers := map[string]string{profilePath: goodProfile, summaryPath: goodSummary, itemsPath: goodItems, "": pageOf("", 1)}
		w := &wire{start: time.Now(), answer: func(_ int, r *http.Request) *http.Response {
			rest, _ := strings.CutPrefix(r.URL.Path, "/v1/customers/")
			_, resource, _ := strings.Cut(rest, "/")
			if resource == profilePath { // this request takes longer to arrive
				time.Sleep(400 * time.Millisecond)
			}
			if !source.isGood(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
				return respond(401, "")
			}
			time.Sleep(100 * time.Millisecond)
			if r.URL.Path == "/v1/customers" {
				resource = ""
			}
			return respond(200, answers[resource])
		}}
		o := full("https://api.example")
		o.Transport, o.Tokens = w, source
		c := client(t, o)
		wantStatements(t, c, 1, 20)
	})
}

// scripted gives the tokens of a script, and its last one from then on.
type scripted struct {
	mu             sync.Mutex
	tokens, others []string
}

func next(script *[]string) string {
	token := (*script)[0]
	if len(*script) > 1 {
		*script = (*script)[1:]
	}
	return token
}

func (s *scripted) Token(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return next(&s.tokens), nil
}

func (s *scripted) Refresh(context.Context, string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return next(&s.others), nil
}

// A renewed token that dies of age is no dead sign-in: it was good once, or another one
// has taken its place. Requests with an older token may come in between.
func TestARenewedTokenDiesOfAge(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name           string
		tokens, others []string
		good           map[string][]bool // by token, for its requests one after the other
		statements     int
	}{
		{
			// The first is refused by accident; the second is read with the old token; the
			// third with the old one, which has died, as the renewed one has.
			"that was good once",
			[]string{"old", "old", "renewed", "old", "old", "renewed", "renewed", "renewed", "new"},
			[]string{"renewed", "new"},
			map[string][]bool{"old": {false, true, false}, "renewed": {true, true, false, false}, "new": {true}},
			3,
		},
		{
			"that another took the place of",
			[]string{"old", "old", "new"},
			[]string{"renewed"},
			map[string][]bool{"old": {false}, "renewed": {false}, "new": {true}},
			1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			good := func(token string) bool {
				mu.Lock()
				defer mu.Unlock()
				turns := test.good[token]
				if len(turns) > 1 {
					test.good[token] = turns[1:]
				}
				return len(turns) > 0 && turns[0]
			}
			_, url := newPartner(t, map[string]http.HandlerFunc{
				"/v1/customers": bearer(good, says(200, pageOf("", 1))), profilePath: bearer(good, says(200, goodProfile)),
			})
			c := client(t, fetch.Options{BaseURL: url, Tokens: &scripted{tokens: test.tokens, others: test.others}})
			for n := range test.statements {
				if s, err := c.Statement(t.Context(), idOf(n)); err != nil || s.Failure != nil {
					t.Fatalf("statement %d: %v, %v", n, err, s.Failure)
				}
			}
		})
	}
}
