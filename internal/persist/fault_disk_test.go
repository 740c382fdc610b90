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

// The disk has a few pages if this program may mount such a file system; otherwise the
// server is made to report a full disk.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	small, b := smallDisk(t)
	if !small {
		b = newFixture(t)
		b.raises("53100", "could not extend file: No space left on device")
		b.refuses(billing.ErrUnavailable, "No space left on device", "free space on the disk")
		b.raises("", "")
		b.stores()
		return
	}
	admin := b.session()
	b.exec(admin, "ALTER TABLE collector.line_items SET TABLESPACE small", "CREATE TABLE public.ballast (n text) TABLESPACE small")
	for full := false; !full; {
		_, err := admin.Exec(t.Context(), "INSERT INTO public.ballast SELECT repeat('x', 1000) FROM generate_series(1, 7)")
		full = err != nil
	}
	b.open()
	t.Cleanup(func() { b.store.Close() })
	b.refuses(billing.ErrUnavailable, "No space left on device", "free space on the disk")
	b.exec(admin, "DROP TABLE public.ballast")
	b.stores()
}

// smallDisk starts a separate server with a tablespace "small" on a file system of 256
// kB; ok is false where that is not allowed.
func smallDisk(t *testing.T) (ok bool, b *fixture) {
	t.Helper()
	if os.Geteuid() != 0 {
		return false, nil
	}
	server, err := localpg.Start(t.Context(), localpg.Options{})
	if errors.Is(err, localpg.ErrNoBinaries) {
		return false, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	b = &fixture{t: t, url: server.URL("postgres")}
	data := b.query("SELECT current_setting('data_directory')")[0]
	dir := filepath.Join(filepath.Dir(data), "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", dir).Run() != nil {
		return false, nil
	}
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.Background(), "umount", "--lazy", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	if !known {
		t.Fatal("the account of the server is not known")
	}
	if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
		t.Fatal(err)
	}
	b.exec(b.session(), "CREATE TABLESPACE small LOCATION '"+dir+"'")
	migrator, err := persist.OpenMigrator(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(migrator.Up(t.Context()), migrator.Close()); err != nil {
		t.Fatal(err)
	}
	return true, b
}
