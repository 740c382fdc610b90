// Collector reads what the customers of a Microsoft CSP partner cost from the
// Partner Center API and keeps it in PostgreSQL.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
	_ "time/tzdata" // a container without a time zone database must still know Europe/Berlin

	"github.com/google/uuid"
)

// gcPercent trades memory, of which little is needed, for a tenth of the CPU: the heap
// stays around 15 MB however many customers there are. GOGC in the environment wins.
const gcPercent = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	p := &program{
		stdout:        os.Stdout,
		stderr:        &console{to: os.Stderr},
		terminal:      isTerminal(os.Stderr),
		getenv:        os.Getenv,
		now:           time.Now,
		newID:         uuid.NewString,
		progressEvery: 5 * time.Second,
	}
	os.Exit(p.run(ctx, os.Args[1:]))
}
