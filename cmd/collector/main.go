// Collector reads the costs of a Microsoft CSP partner's customers from the Partner Center
// API and stores them in PostgreSQL.
package main

import (
	"math/rand/v2"
	"os"
	"runtime/debug"
	"time"
	_ "time/tzdata" // a container without a time zone database must still know Europe/Berlin

	"github.com/google/uuid"

	"partnercost/internal/progress"
	"partnercost/internal/schedule"
)

// gcPercent trades CPU for memory: a run with 64 requests in flight should stay below
// 40 MiB, of which the program itself takes 20. GOGC in the environment wins.
const gcPercent = 40

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	uuid.EnableRandPool() // the ids of requests are many, and no secrets
	machine, err := os.Hostname()
	if err != nil {
		machine = "" // then the ledger does not name the machine
	}
	p := &program{
		machine:       machine,
		stdout:        &output{to: os.Stdout},
		stderr:        progress.NewTerminal(os.Stderr),
		terminal:      progress.IsTerminal(os.Stderr),
		getenv:        os.Getenv,
		now:           time.Now,
		newID:         uuid.NewString,
		random:        rand.Float64,
		wait:          schedule.Wait,
		progressEvery: 5 * time.Second,
	}
	os.Exit(p.execute(untilSignal(), os.Args[1:]))
}
