package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"partnercost/internal/billing"
)

// summary is how one partner's run went.
type summary struct {
	partner string
	kind    billing.RunKind
	runID   string
	status  billing.RunStatus // empty when there was no run
	tally   billing.Tally
	took    time.Duration
	err     error
}

// worst is the error of the partner that fared worst, told together with those of
// the others.
func worst(ctx context.Context, summaries []summary) error {
	rising := []int{exitOK, exitPartial, exitLocked, exitUsage, exitFatal, exitInterrupted}
	var all []error
	code := exitOK
	for _, s := range summaries {
		err := s.err
		switch {
		case err != nil:
			err = fmt.Errorf("partner %s: %w", s.partner, err)
		case s.tally.Failed > 0:
			err = &codeError{code: exitPartial, err: fmt.Errorf("partner %s: %d of %d customers failed; %s", s.partner, s.tally.Failed, s.tally.Total, whereToLook(s.kind))}
		default:
			continue
		}
		all = append(all, err)
		if c := exitCode(ctx, err); slices.Index(rising, c) > slices.Index(rising, code) {
			code = c
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &codeError{code: code, err: errors.Join(all...)}
}

// whereToLook says where the reasons of failed customers stand.
func whereToLook(kind billing.RunKind) string {
	switch kind {
	case billing.ImportRun:
		return "the lines of the refused files say why"
	case billing.ReplayRun:
		return "the log says why"
	}
	return "collector report coverage says why"
}

// summaryLine is a summary as JSON.
type summaryLine struct {
	Partner         string            `json:"partner"`
	RunID           string            `json:"run_id,omitempty"`
	Status          billing.RunStatus `json:"status"`
	Customers       int               `json:"customers_total"`
	OK              int               `json:"customers_ok"`
	Unchanged       int               `json:"customers_unchanged"`
	NoCosts         int               `json:"customers_no_costs"`
	Failed          int               `json:"customers_failed"`
	RowsChanged     int64             `json:"rows_changed"`
	DurationSeconds json.Number       `json:"duration_seconds"`
	Error           string            `json:"error,omitempty"`
}

func (p *program) printSummaries(summaries []summary, format string) error {
	if format == "json" {
		lines := []summaryLine{}
		for _, s := range summaries {
			line := summaryLine{
				Partner: s.partner, RunID: s.runID, Status: s.status, Customers: s.tally.Total, OK: s.tally.OK, Unchanged: s.tally.Unchanged, NoCosts: s.tally.NoCosts,
				Failed: s.tally.Failed, RowsChanged: s.tally.RowsChanged, DurationSeconds: json.Number(strconv.FormatFloat(s.took.Seconds(), 'f', 3, 64)),
			}
			if s.err != nil {
				line.Error = s.err.Error()
			}
			lines = append(lines, line)
		}
		return writeJSON(p.stdout, lines)
	}
	table := textTable{
		header: []string{"PARTNER", "STATUS", "CUSTOMERS", "OK", "UNCHANGED", "NO COSTS", "FAILED", "ROWS WRITTEN", "DURATION", "RUN"},
		right:  []bool{false, false, true, true, true, true, true, true, true},
	}
	for _, s := range summaries {
		status, id := string(s.status), s.runID
		if id == "" {
			status, id = "not run", "-"
		}
		t := s.tally
		table.rows = append(table.rows, []string{
			s.partner, status, strconv.Itoa(t.Total), strconv.Itoa(t.OK), strconv.Itoa(t.Unchanged), strconv.Itoa(t.NoCosts), strconv.Itoa(t.Failed),
			strconv.FormatInt(t.RowsChanged, 10), s.took.Round(time.Millisecond).String(), id,
		})
	}
	return table.write(p.stdout)
}
