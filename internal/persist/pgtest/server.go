package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"

	"partnercost/internal/localpg"
)

// image is the image for Docker.
const image = "postgres:17"

// errNoServer means that this machine has no server for tests.
var errNoServer = errors.New("no PostgreSQL to test with")

// ladder is the order in which the sources of a server are tried.
type ladder struct {
	getenv        func(string) string
	local, docker func(context.Context) (*server, error)
}

// open returns the first available server. Binaries that exist but do not start are an
// error, not a reason to try the next source.
func (l ladder) open(ctx context.Context) (*server, error) {
	switch forced := l.getenv(rung); forced {
	case "local":
		return l.local(ctx)
	case "docker":
		return l.docker(ctx)
	case "":
	default:
		return nil, fmt.Errorf("%s is %q: it must be local, docker or unset", rung, forced)
	}
	if given := l.getenv(databaseURL); given != "" {
		return external(given)
	}
	s, localErr := l.local(ctx)
	if !errors.Is(localErr, localpg.ErrNoBinaries) {
		return s, localErr
	}
	s, dockerErr := l.docker(ctx)
	if dockerErr != nil {
		return nil, fmt.Errorf("%w: %w; Docker: %w; or set %s", errNoServer, localErr, dockerErr, databaseURL)
	}
	return s, nil
}

// external returns the server that the environment names.
func external(given string) (*server, error) {
	u, err := url.Parse(given)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, fmt.Errorf("%s must be a URL that begins with postgres://", databaseURL) // the value is left out: it holds a password
	}
	return &server{url: u, stop: func(context.Context) error { return nil }}, nil
}

func startLocal(ctx context.Context) (*server, error) {
	s, err := localpg.Start(ctx, localpg.Options{})
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s.URL("postgres"))
	if err != nil {
		return nil, errors.Join(err, s.Stop(ctx))
	}
	return &server{url: u, stop: s.Stop}, nil
}

func startDocker(ctx context.Context) (_ *server, err error) {
	defer func() {
		// testcontainers panics where there is no Docker at all.
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	container, err := postgres.Run(ctx, image,
		postgres.WithPassword(rand.Text()),
		testcontainers.WithCmd("postgres", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=200"),
		postgres.BasicWaitStrategies(),
	)
	stop := func(ctx context.Context) error {
		return testcontainers.TerminateContainer(container, testcontainers.StopContext(ctx))
	}
	if err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	given, err := container.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	u, err := url.Parse(given)
	if err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	return &server{url: u, stop: stop}, nil
}
