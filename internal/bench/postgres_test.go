package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ticks is the kernel's number of clock ticks a second for processor time, 100 on
// Linux.
const ticks = 100

// stored is the size of the database and its content.
type stored struct{ bytes, bodies, entries int64 }

// database is the server of a rig, which no other program uses.
type database struct {
	conn       *pgx.Conn
	postmaster int
}

func openDatabase(b *testing.B, url string) *database {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.Background()) })
	var directory string
	if err := conn.QueryRow(b.Context(), "SHOW data_directory").Scan(&directory); err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(directory, "postmaster.pid"))
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(first))
	if err != nil {
		b.Fatal(err)
	}
	return &database{conn: conn, postmaster: pid}
}

// count returns the number that a query yields.
func (d *database) count(b *testing.B, query string) (n int) {
	b.Helper()
	if err := d.conn.QueryRow(b.Context(), query).Scan(&n); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
	return n
}

// cpu returns the processor time of all server processes so far, ended ones included.
func (d *database) cpu(b *testing.B) time.Duration {
	b.Helper()
	total, _ := cpuOf(d.postmaster, true)
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", d.postmaster))
	if err != nil {
		b.Fatal(err)
	}
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for field := range bytes.FieldsSeq(text) {
			if pid, err := strconv.Atoi(string(field)); err == nil {
				child, _ := cpuOf(pid, false)
				total += child
			}
		}
	}
	return total
}

// cpuOf returns the processor time of a process, with that of its ended children if
// ended is set.
func cpuOf(pid int, ended bool) (time.Duration, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	_, rest, found := bytes.Cut(text, []byte(") ")) // the name may hold blanks
	fields := bytes.Fields(rest)
	if !found || len(fields) < 15 {
		return 0, false
	}
	sum, wanted := int64(0), fields[11:13]
	if ended {
		wanted = fields[11:15]
	}
	for _, field := range wanted {
		n, _ := strconv.ParseInt(string(field), 10, 64)
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, true
}

func (d *database) stored(b *testing.B) stored {
	b.Helper()
	var s stored
	err := d.conn.QueryRow(b.Context(), `SELECT pg_database_size(current_database()),
		(SELECT count(*) FROM collector.payloads), (SELECT count(*) FROM collector.statements)`).Scan(&s.bytes, &s.bodies, &s.entries)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// watch counts the sessions until ctx ends, and sends the largest number.
func (d *database) watch(ctx context.Context, url string) <-chan int {
	most := make(chan int, 1)
	go func() {
		n := 0
		defer func() { most <- n }()
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		for tick := time.NewTicker(200 * time.Millisecond); ; {
			var now int
			err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name = 'partnercost'").Scan(&now)
			if err != nil {
				return
			}
			n = max(n, now)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return most
}
