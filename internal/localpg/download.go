//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// downloadVersion is the version for the demo on a machine without PostgreSQL.
const downloadVersion = embeddedpostgres.V17

// download fetches server binaries into d and returns the directory they are in.
func download(ctx context.Context, d *directory, o DownloadOptions, log *slog.Logger) (string, error) {
	files := d.join("postgresql")
	// The library has no call that only downloads: its Start downloads and unpacks, then
	// creates a data directory and runs a server that would outlive us. A data directory
	// below a plain file cannot be created, so Start ends there. We do the rest ourselves,
	// as for installed binaries.
	plainFile := d.join("no-directory")
	if err := os.WriteFile(plainFile, nil, 0o600); err != nil {
		return "", fmt.Errorf("prepare the download of PostgreSQL: %w", err)
	}
	port, err := freePort(ctx)
	if err != nil {
		return "", err
	}
	config := embeddedpostgres.DefaultConfig().
		Version(downloadVersion).
		Port(uint32(port)).
		CachePath(d.join("download")).
		RuntimePath(files).
		DataPath(filepath.Join(plainFile, "data")).
		Logger(io.Discard)
	if o.RepositoryURL != "" {
		config = config.BinaryRepositoryURL(o.RepositoryURL)
	}
	log.Info("downloading PostgreSQL", "version", string(downloadVersion))

	library := embeddedpostgres.NewDatabase(config)
	ended := make(chan error, 1)
	go func() {
		err := library.Start()
		removeLibraryLogs()
		runtime.KeepAlive(library) // keeps the log's descriptor open as well
		if ctx.Err() != nil {
			err = errors.Join(err, os.RemoveAll(d.path)) // the library may have unpacked into the removed directory
		}
		ended <- err
	}()
	select {
	case err = <-ended:
	case <-ctx.Done():
		// The library accepts no context. What it still does is removed when it ends, or by
		// the next sweep when we end before that.
		removeLibraryLogs()
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("download PostgreSQL: %w", ctx.Err())
	}
	bin := filepath.Join(files, "bin")
	if _, statErr := os.Stat(filepath.Join(bin, "postgres")); statErr != nil {
		return "", fmt.Errorf("download PostgreSQL %s: %w; install PostgreSQL %d or later instead", downloadVersion, err, MinVersion)
	}
	return bin, nil
}

// removeLibraryLogs removes the log file that the library leaves among the temporary
// files. The file is ours if this process has it open.
func removeLibraryLogs() {
	logs, err := filepath.Glob(filepath.Join(os.TempDir(), "embedded_postgres_log*"))
	if err != nil || len(logs) == 0 {
		return
	}
	descriptors, err := filepath.Glob("/dev/fd/*")
	if err != nil {
		return
	}
	for _, log := range logs {
		file, err := os.Lstat(log)
		if err != nil {
			continue
		}
		for _, d := range descriptors {
			if open, err := os.Stat(d); err == nil && os.SameFile(open, file) {
				_ = os.Remove(log)
			}
		}
	}
}
