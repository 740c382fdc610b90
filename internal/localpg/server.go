//go:build unix

package localpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout bounds how long a server may take to answer once its process runs.
const startTimeout = time.Minute

// settings are for a server whose data is not needed after a crash, so no write waits
// for the disk. There is no Unix socket, because its path has a length limit that
// directories for temporary files can exceed.
var settings = []string{
	"listen_addresses=127.0.0.1",
	"unix_socket_directories=",
	"max_connections=200",
	"shared_buffers=64MB",
	"fsync=off",
	"synchronous_commit=off",
	"full_page_writes=off",
	"wal_level=minimal",
	"max_wal_senders=0",
	"dynamic_shared_memory_type=mmap", // in the data directory, not in /dev/shm
	"timezone=UTC",
	"log_timezone=UTC",
}

// Server is a running private PostgreSQL.
type Server struct {
	directory  *directory
	binaries   binaries
	account    *account
	password   string
	port       int
	postmaster *process

	stop    sync.Once
	stopErr error
}

// Start starts a server and returns when it accepts connections. ctx bounds the start
// only; the server runs until Stop, or until this program ends for whatever reason. As
// root, Start runs the server as the user postgres or nobody. Start also removes the
// directories that killed programs have left in the same place.
func Start(ctx context.Context, o Options) (*Server, error) {
	return start(ctx, o, installed)
}

func start(ctx context.Context, o Options, where search) (_ *Server, err error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	a, err := serverAccount()
	if err != nil {
		return nil, err
	}
	d, err := makeDirectory(o.Dir, a, log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.remove())
		}
	}()
	b, err := where.find(ctx, a)
	if errors.Is(err, ErrNoBinaries) && o.Download.Enabled {
		b, err = downloaded(ctx, d, a, o.Download, log, err)
	}
	if err != nil {
		return nil, err
	}
	s := &Server{directory: d, binaries: b, account: a, password: rand.Text()}
	if err := s.initialise(ctx); err != nil {
		return nil, fmt.Errorf("initialise a private PostgreSQL: %w", err)
	}
	if err := s.serve(ctx, o.Port); err != nil {
		return nil, fmt.Errorf("start a private PostgreSQL: %w", err)
	}
	log.Info("started a private PostgreSQL", "version", b.major, "binaries", b.dir, "port", s.port, "directory", d.path)
	return s, nil
}

// downloaded returns downloaded binaries where none are installed; missing is the error
// that says so.
func downloaded(ctx context.Context, d *directory, a *account, o DownloadOptions, log *slog.Logger, missing error) (binaries, error) {
	if a != nil {
		return binaries{}, fmt.Errorf("%w; PostgreSQL is not downloaded as root: run as a normal user", missing)
	}
	dir, err := download(ctx, d, o, log)
	if err != nil {
		return binaries{}, fmt.Errorf("%w; %w", missing, err)
	}
	b, err := probe(ctx, dir, a)
	if err != nil {
		return binaries{}, fmt.Errorf("the downloaded PostgreSQL does not run on this machine: %w; install PostgreSQL %d or later", err, MinVersion)
	}
	return b, nil
}

// URL returns the connection URL of a database on the server, for its superuser. It
// holds the password.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword("postgres", s.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Stop ends the server and removes everything it created. Sessions are cut off. When
// ctx ends, or has ended, the server does not even write its data. Stop may be called
// more than once.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() { s.stopErr = s.shutDown(ctx) })
	return s.stopErr
}

func (s *Server) shutDown(ctx context.Context) error {
	return errors.Join(s.Halt(ctx), s.directory.remove())
}

// Halt ends the server and keeps its data for Continue. Sessions are cut off. When ctx
// ends, or has ended, the end is like a crash of the server. Halting a halted server
// does nothing. Halt, Continue and Stop are not safe for concurrent use.
func (s *Server) Halt(ctx context.Context) error {
	if s.postmaster == nil {
		return nil
	}
	var early error
	select {
	case <-s.postmaster.exited:
		early = fmt.Errorf("the private PostgreSQL stopped unexpectedly: %w", s.failure(s.postmaster.err))
	default:
		if ctx.Err() == nil {
			s.postmaster.signal(syscall.SIGINT) // fast shutdown
		}
	}
	select {
	case <-s.postmaster.exited:
	case <-ctx.Done():
		s.postmaster.end(syscall.SIGQUIT) // immediate shutdown
	}
	s.postmaster = nil
	return early
}

// Continue starts a halted server again, with the same URL, and returns when it accepts
// connections.
func (s *Server) Continue(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		err := s.serveOn(ctx, s.port)
		if attempt == 5 || !errors.Is(err, errPortTaken) {
			return err
		}
	}
}

// initialise creates the data directory.
func (s *Server) initialise(ctx context.Context) error {
	// Other users of the machine can reach the port, so there must be a password.
	passwordFile := s.directory.join("password")
	if err := os.WriteFile(passwordFile, []byte(s.password+"\n"), 0o600); err != nil {
		return err
	}
	data := s.directory.join("data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := errors.Join(s.account.own(passwordFile), s.account.own(data)); err != nil {
		return err
	}
	initdb := command{
		account: s.account,
		dir:     s.directory.path,
		name:    filepath.Join(s.binaries.dir, "initdb"),
		args: []string{
			"--pgdata", data, "--username", "postgres", "--pwfile", passwordFile, "--auth", "scram-sha-256",
			"--locale", "C.UTF-8", "--encoding", "UTF8", "--no-sync", "--no-instructions",
		},
		atParentsDeath: syscall.SIGTERM,
	}
	if out, err := initdb.run(ctx); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("initdb: %w; it said:\n%s", err, lastLines(out))
	}
	return os.Remove(passwordFile)
}

// errPortTaken means that another process took the free port first.
var errPortTaken = errors.New("the port is taken")

// serve starts the server process on the port, or on a free one if port is 0.
func (s *Server) serve(ctx context.Context, port int) error {
	if port != 0 {
		return s.serveOn(ctx, port)
	}
	for attempt := 1; ; attempt++ {
		port, err := freePort(ctx)
		if err != nil {
			return err
		}
		err = s.serveOn(ctx, port)
		if attempt == 5 || !errors.Is(err, errPortTaken) {
			return err
		}
	}
}

func (s *Server) serveOn(ctx context.Context, port int) error {
	s.port = port
	output, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }() // the server has a descriptor of its own
	args := []string{"-D", s.directory.join("data"), "-p", strconv.Itoa(port)}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	postgres := command{
		account:        s.account,
		dir:            s.directory.path,
		name:           filepath.Join(s.binaries.dir, "postgres"),
		args:           args,
		atParentsDeath: syscall.SIGQUIT,
	}
	postmaster, err := postgres.spawn(output)
	if err != nil {
		return err
	}
	if err := s.awaitReady(ctx, postmaster); err != nil {
		postmaster.end(syscall.SIGQUIT)
		return err
	}
	s.postmaster = postmaster
	return nil
}

// awaitReady returns when the server accepts connections.
func (s *Server) awaitReady(ctx context.Context, postmaster *process) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	go func() {
		// Another program on the port may never answer.
		select {
		case <-postmaster.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
		case <-again.C:
			continue
		}
		select {
		case <-postmaster.exited:
			return s.failure(postmaster.err)
		default:
			return s.failure(ctx.Err())
		}
	}
}

func (s *Server) logFile() string { return s.directory.join("server.log") }

// failure adds the end of the server's log to err.
func (s *Server) failure(err error) error {
	text, readErr := os.ReadFile(s.logFile())
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if err == nil {
		err = errors.New("it ended without an error")
	}
	if strings.Contains(string(text), "Address already in use") {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return fmt.Errorf("%w; its log ends:\n%s", err, lastLines(string(text)))
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// freePort returns a TCP port on the loopback address that no process is listening on
// now.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
