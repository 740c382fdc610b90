package finance

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"partnercost/internal/sheet"
)

// Tables returns the status for people: the coverage of the partners and, if there are
// any, the states of their invoices, the machines, the runs under way and the partners that
// wait; and the last runs.
func (s Status) Tables() (now []sheet.Table, runs sheet.Table) {
	partners := sheet.Table{
		Header: []string{"PARTNER", "CUSTOMERS", "COLLECTED IN 26 H", "NEVER COLLECTED", "WAITING", "OLDEST PART", "OPEN FINDINGS", "LONGEST UNSEEN", "SINCE"},
		Right:  []bool{false, true, true, true, true},
	}
	invoices := sheet.Table{Header: []string{"PARTNER", "INVOICES"}}
	for _, p := range s.Partners {
		partners.Rows = append(partners.Rows, []string{
			p.Partner, strconv.Itoa(p.Customers), strconv.Itoa(p.Covered), strconv.Itoa(p.NeverCollected), strconv.Itoa(p.Waiting), toMinute(p.OldestPart),
			counted(p.OpenFindings), cmp.Or(p.OldestUnseen, "-"), toMinute(p.OldestUnseenSince),
		})
		if len(p.Invoices) > 0 {
			invoices.Rows = append(invoices.Rows, []string{p.Partner, strings.ReplaceAll(counted(p.Invoices), "_", " ")})
		}
	}
	machines := sheet.Table{Header: []string{"MACHINE", "VERSION", "COLLECTING", "UP SINCE", "LAST SEEN"}}
	for _, m := range s.Machines {
		machines.Rows = append(machines.Rows, []string{
			m.Name, m.Version, fmt.Sprintf("%d of at most %d", m.PartnersNow, m.PartnersAtOnce), toMinute(&m.StartedAt), toMinute(&m.SeenAt),
		})
	}
	waiting := sheet.Table{Header: []string{"WAITING", "DUE SINCE", "IN THE QUEUE SINCE", "WAITS FOR"}}
	for _, w := range s.Waiting {
		waiting.Rows = append(waiting.Rows, []string{w.Partner, toMinute(&w.DueSince), toMinute(&w.WaitsSince), w.WaitsFor})
	}
	running := sheet.Table{Header: []string{"RUNNING", "KIND", "MACHINE", "SINCE", "TAKEN OVER FROM", "RUN"}}
	for _, r := range s.Running {
		running.Rows = append(running.Rows, []string{r.Partner, r.Kind, cmp.Or(r.Machine, "-"), toMinute(&r.StartedAt), cmp.Or(r.TakenOverFrom, "-"), r.ID})
	}
	runs = sheet.Table{
		Header: []string{"STARTED", "PARTNER", "KIND", "STATUS", "CUSTOMERS", "OK", "UNCHANGED", "NO COSTS", "FAILED", "ROWS", "TOOK", "MACHINE", "RUN", "ERROR"},
		Right:  []bool{false, false, false, false, true, true, true, true, true, true, true},
	}
	for _, r := range s.Runs {
		took := "-"
		if r.FinishedAt != nil {
			took = r.FinishedAt.Sub(r.StartedAt).Round(time.Second).String()
		}
		firstLine, _, _ := strings.Cut(r.Error, "\n")
		runs.Rows = append(runs.Rows, []string{
			toMinute(&r.StartedAt), r.Partner, r.Kind, r.Status, strconv.Itoa(r.Total), strconv.Itoa(r.OK), strconv.Itoa(r.Unchanged),
			strconv.Itoa(r.NoCosts), strconv.Itoa(r.Failed), strconv.FormatInt(r.RowsChanged, 10), took, cmp.Or(r.Machine, "-"), r.ID, firstLine,
		})
	}
	now = []sheet.Table{partners}
	for _, table := range []sheet.Table{invoices, machines, running, waiting} {
		if len(table.Rows) > 0 {
			now = append(now, table)
		}
	}
	return now, runs
}

func toMinute(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

func counted(counts map[string]int) string {
	var words []string
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%d %s", counts[word], word))
	}
	return cmp.Or(strings.Join(words, ", "), "none")
}
