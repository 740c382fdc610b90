package console

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"partnercost/internal/finance"
)

// How long a statement of the database may take.
const (
	pageWithin = 10 * time.Second
	fileWithin = 2 * time.Minute
)

// Options say what the console shows and to whom.
type Options struct {
	// Listen is the address on which the handler will be served: host:port.
	Listen string
	// PasswordFile holds the bcrypt hash that WritePassword has written. Anything but a
	// loopback address needs it; where it is given, a loopback address asks for it too.
	PasswordFile string
	// TLS says that the address speaks HTTPS, BehindProxy that a reverse proxy in front
	// of it does. Anything but a loopback address needs one of the two.
	TLS, BehindProxy bool

	// Begin starts a read-only transaction whose statements take at most so long, with
	// the rights of finance_reader and no others.
	Begin func(ctx context.Context, atMost time.Duration) (*sql.Tx, error)
	// SignIns tells how the sign-in of each partner stands; nil shows none.
	SignIns func() []SignIn
	// Now is the clock.
	Now func() time.Time
	Log *slog.Logger
	// Version is that of the program.
	Version string
}

// SignIn is how the sign-in of a partner stands.
type SignIn struct {
	Partner string
	// Mode is auth.mode of the configuration. Only app_user has a refresh token.
	Mode string
	// DaysLeft is what is left of the life of the refresh token; nil without one.
	DaysLeft *int
	// Warning says that somebody should sign in again soon.
	Warning bool
}

// console answers the requests.
type console struct {
	Options

	assets *assets
	// files holds an entry for each file that is being sent.
	files chan struct{}
	// invoiced says that there are invoices: once there are, there will be.
	invoiced atomic.Bool
}

// New returns the handler of the console. It refuses options with which anybody
// could read the costs, and says what is missing.
func New(o Options) (http.Handler, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	auth, err := newAuthenticator(o)
	if err != nil {
		return nil, err
	}
	assets, err := newAssets()
	if err != nil {
		return nil, err
	}
	c := &console{Options: o, assets: assets, files: make(chan struct{}, filesAtOnce)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.overview)
	mux.HandleFunc("GET /customer", c.page(c.customer))
	mux.HandleFunc("GET /origin", c.page(c.origin))
	mux.HandleFunc("GET /invoice", c.page(c.invoice))
	for _, t := range tables {
		mux.HandleFunc("GET /"+t.name, c.page(func(ctx context.Context, tx *sql.Tx, r *http.Request) (view, error) {
			return c.tablePage(ctx, tx, t, r)
		}))
		for _, as := range []format{csvFile, xlsxFile} {
			mux.HandleFunc("GET /"+as.name+"/"+t.name, func(w http.ResponseWriter, r *http.Request) { c.file(w, r, t, as) })
		}
	}
	mux.HandleFunc("GET "+assets.stylePath, assets.style)
	mux.HandleFunc("GET "+assets.iconPath, assets.icon)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { c.failed(w, r, errNotFound) })
	return guarded(auth, c.understood(mux)), nil
}

// errNotFound says that what was asked for does not exist, errBadRequest that it
// makes no sense.
var (
	errNotFound   = errors.New("there is no such page")
	errBadRequest = errors.New("the address is not valid")
)

// understood refuses addresses with what is no text, before a query has to.
func (c *console) understood(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parameters, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			c.failed(w, r, badRequest("%v", err))
			return
		}
		for name, values := range parameters {
			for _, text := range append(values, name) {
				if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
					c.failed(w, r, badRequest("it contains an invalid character"))
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// view is a page to be: the name of its template and what that shows.
type view struct {
	template string
	title    string
	data     any
}

// page serves what make builds from one state of the database.
func (c *console) page(build func(context.Context, *sql.Tx, *http.Request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v view
		err := c.read(r.Context(), pageWithin, func(ctx context.Context, tx *sql.Tx) error {
			var err error
			v, err = build(ctx, tx, r)
			if err != nil {
				return err
			}
			return c.lookForInvoices(ctx, tx)
		})
		if err != nil {
			c.failed(w, r, err)
			return
		}
		c.render(w, r, http.StatusOK, v)
	}
}

// lookForInvoices finds out whether there are any, until there are.
func (c *console) lookForInvoices(ctx context.Context, tx *sql.Tx) error {
	if c.invoiced.Load() {
		return nil
	}
	there, err := finance.AnyInvoices(ctx, tx)
	if err == nil {
		c.invoiced.Store(there)
	}
	return err
}

// beginError is an error of the transaction's beginning. Its text says what to do and
// may be shown.
type beginError struct{ error }

func (e beginError) Unwrap() error { return e.error }

// read lends f a transaction.
func (c *console) read(ctx context.Context, atMost time.Duration, f func(context.Context, *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*atMost)
	defer cancel()
	tx, err := c.Begin(ctx, atMost)
	if err != nil {
		return beginError{err}
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return f(ctx, tx)
}

// failed answers a request that could not be.
func (c *console) failed(w http.ResponseWriter, r *http.Request, err error) {
	status, title, text := http.StatusInternalServerError, "Internal error", "See the collector's log."
	begin, isBegin := errors.AsType[beginError](err)
	switch {
	case r.Context().Err() != nil:
		return // nobody is listening
	case errors.Is(err, errNotFound):
		status, title, text = http.StatusNotFound, "Page not found", "There is nothing at this address."
	case errors.Is(err, errBadRequest):
		status, title, text = http.StatusBadRequest, "Invalid address", err.Error()
	case errors.Is(err, errBusy):
		status, title, text = http.StatusServiceUnavailable, "Too many downloads", "Other downloads are in progress. Try again in a minute."
		w.Header().Set("Retry-After", "60")
	case isBegin:
		status, title, text = http.StatusServiceUnavailable, "The database cannot be read", begin.Error()
	}
	if status >= http.StatusInternalServerError && !errors.Is(err, errBusy) {
		c.Log.Error("the console could not answer", slog.String("path", r.URL.Path), slog.String("error", err.Error()))
	}
	c.render(w, r, status, view{template: "failed", title: title, data: failedPage{title, text}})
}

// failedPage is what the template of an error shows.
type failedPage struct{ Title, Text string }

func badRequest(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errBadRequest, fmt.Sprintf(format, args...))
}
