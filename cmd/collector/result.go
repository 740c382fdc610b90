package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/sheet"
)

// worst joins the errors of the partners. Its exit code is the most severe one.
func worst(ctx context.Context, results []collector.Result) error {
	rising := []int{exitOK, exitPartial, exitLocked, exitUsage, exitFatal, exitInterrupted}
	var all []error
	code := exitOK
	for _, r := range results {
		var err error
		switch {
		case r.Err != nil:
			err = fmt.Errorf("partner %s: %w", r.Partner, r.Err)
		case r.Status == billing.StatusFailed:
			err = &codeError{code: exitFatal, err: fmt.Errorf("partner %s: %w", r.Partner, collector.ErrNothingRead)}
		case r.Tally.Failed > 0 || r.Doubt() != nil:
			err = partial(r)
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

// partial returns the error of a run in which some customers failed, or whose result is
// doubtful.
func partial(r collector.Result) error {
	var all []error
	if r.Tally.Failed > 0 {
		all = append(all, fmt.Errorf("partner %s: %d of %d customers failed; %s", r.Partner, r.Tally.Failed, r.Tally.Total, whereToLook(r.Kind)))
	}
	if doubt := r.Doubt(); doubt != nil {
		all = append(all, fmt.Errorf("partner %s: %w", r.Partner, doubt))
	}
	return &codeError{code: exitPartial, err: errors.Join(all...)}
}

// whereToLook says where to find why customers failed.
func whereToLook(kind billing.RunKind) string {
	switch kind {
	case billing.KindImport:
		return "see the lines of the refused files"
	case billing.KindReplay:
		return "see the log"
	}
	return "see collector report coverage"
}

func (p *program) printResults(results []collector.Result, format string) error {
	if format == "json" {
		lines := []collector.ResultLine{}
		for _, r := range results {
			lines = append(lines, r.Line())
		}
		return writeJSON(p.stdout, lines)
	}
	table := sheet.Table{
		Header: []string{"PARTNER", "STATUS", "CUSTOMERS", "OK", "UNCHANGED", "NO COSTS", "FAILED", "ROWS WRITTEN", "DURATION", "RUN"},
		Right:  []bool{false, false, true, true, true, true, true, true, true},
	}
	for _, r := range results {
		status, id := string(r.Status), r.RunID
		if id == "" {
			status, id = "not run", "-"
		}
		t := r.Tally
		table.Rows = append(table.Rows, []string{
			r.Partner, status, strconv.Itoa(t.Total), strconv.Itoa(t.OK), strconv.Itoa(t.Unchanged), strconv.Itoa(t.NoCosts), strconv.Itoa(t.Failed),
			strconv.FormatInt(t.RowsChanged, 10), r.Took.Round(time.Millisecond).String(), id,
		})
	}
	return errors.Join(writeTable(p.stdout, table), p.printInvoices(results))
}

// printInvoices prints the results for the invoices, if any were read.
func (p *program) printInvoices(results []collector.Result) error {
	table := sheet.Table{
		Header: []string{"PARTNER", "INVOICES", "CHANGED", "PARTS READ", "PARTS CHANGED", "UNCHANGED", "LOADING", "NO DATA", "FAILED"},
		Right:  []bool{false, true, true, true, true, true, true, true, true},
	}
	for _, r := range results {
		if t := r.Invoices; t != nil {
			row := []string{r.Partner}
			for _, n := range []int{t.Listed, t.Changed, t.Read, t.LinesChanged, t.Unchanged, t.Loading, t.NoData, t.Failed} {
				row = append(row, strconv.Itoa(n))
			}
			table.Rows = append(table.Rows, row)
		}
	}
	if len(table.Rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(p.stdout); err != nil {
		return err
	}
	return writeTable(p.stdout, table)
}
