//go:build linux

package persist_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/localpg"
	"partnercost/internal/persist"
)

// The disk is one of a few pages, where this program may mount such a thing; else the
// server is made to say that it is full.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if os.Geteuid() != 0 || exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=256k,mode=0777", "tmpfs", dir).Run() != nil {
		b := newBench(t)
		b.raises("53100", "could not extend file: No space left on device")
		b.refuses(billing.ErrUnavailable, "No space left on device", "make room on the disk")
		b.raises("", "")
		b.stores()
		return
	}
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.Background(), "umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
	for d := filepath.Dir(dir); d != filepath.Clean(os.TempDir()) && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { // for the account of the server
			t.Fatal(err)
		}
	}
	server, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	b := &bench{t: t, url: server.URL("postgres")}
	migrator, err := persist.OpenMigrator(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(migrator.Up(t.Context()), migrator.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.Stat(b.query("SELECT current_setting('data_directory')")[0])
	if err != nil {
		t.Fatal(err)
	}
	owner, known := data.Sys().(*syscall.Stat_t)
	if !known || os.Chown(dir, int(owner.Uid), int(owner.Gid)) != nil {
		t.Fatal("the directory cannot be given to the account of the server")
	}
	admin := b.session()
	b.exec(admin, "CREATE TABLESPACE small LOCATION '"+dir+"'", "ALTER TABLE collector.line_items SET TABLESPACE small", "CREATE TABLE public.ballast (n text) TABLESPACE small")
	for full := false; !full; {
		_, err := admin.Exec(t.Context(), "INSERT INTO public.ballast SELECT repeat('x', 1000) FROM generate_series(1, 7)")
		full = err != nil
	}
	b.open()
	t.Cleanup(func() { b.store.Close() })
	b.refuses(billing.ErrUnavailable, "No space left on device", "make room on the disk")
	b.exec(admin, "DROP TABLE public.ballast")
	b.stores()
}
