package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
	"partnercost/internal/sheet"
)

func (p *program) explainCommand() *cobra.Command {
	var customer, period, partner string
	var raw bool
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show where a customer's numbers come from",
		Long: `Show where each cost of a customer comes from, for the periods that end in the month:
its amounts, every earlier value with the time and the run that stored it, the lines
that went, came and changed with each, its line items and their earlier sets, its
findings, and the SHA-256 of the answers it was derived from. The role finance_reader is
sufficient. COLLECTOR_DATABASE_URL can replace the configuration file.

--raw reads the answers from the archive, verifies them, and prints each one byte for
byte between two lines that begin with "-----". "pruned" means that retention removed
the answer. "damaged" means that it is not the answer that was collected. Answers may
hold personal data, so finance_reader has no right to read them. The billing profile is
not shown. In json, "raw" holds the answer as text, "raw_base64" holds its bytes if they
are not UTF-8, and "json" holds its content: an array if the answer had several pages.

A month without costs is not an error. An unknown customer or a damaged answer is an
error with exit code 1.`,
		Example: `  collector explain --customer "fourth coffee" --period 2026-10
  collector explain --customer 65726577-c208-40fd-9735-8c85ac9cac68 --period 2026-10 --format json | jq '.costs[].revisions'
  collector explain --customer 65726577-c208-40fd-9735-8c85ac9cac68 --period 2026-10 --raw --format json | jq '.bodies[] | select(.kind == "summary") | .json'`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&customer, "customer", "", "the customer, by `GUID or name`")
	flags.StringVar(&period, "period", "", "only the periods that end in this month, `YYYY-MM`")
	flags.StringVar(&partner, "partner", "", "only this partner, by `name`")
	flags.BoolVar(&raw, "raw", false, "verify and print the answers, which may hold personal data")
	_ = cmd.MarkFlagRequired("customer") // fails for unknown flags only
	_ = cmd.MarkFlagRequired("period")
	format := formatFlag(cmd, "table", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if _, err := time.Parse("2006-01", period); err != nil {
			return usageError("--period %q is not a month of the form YYYY-MM", period)
		}
		return p.withReader(func(r *finance.Reader, c *config.Config) error {
			id, err := findCustomer(cmd.Context(), r, customer)
			if err != nil {
				return err
			}
			explanation, err := r.Explain(cmd.Context(), partner, id, period)
			if err != nil {
				return err
			}
			full := fullExplanation{Explanation: explanation, Bodies: []answer{}}
			for _, document := range explanation.Documents() {
				full.Bodies = append(full.Bodies, answer{Document: document})
			}
			if raw {
				err = p.readBodies(cmd.Context(), c, full.Bodies)
			}
			if err != nil && !errors.Is(err, errDamaged) {
				return err
			}
			if format.value == "json" {
				return errors.Join(writeJSON(p.stdout, full), err)
			}
			written := explanation.WriteText(p.stdout)
			if written == nil {
				written = writeAnswers(p.stdout, full.Bodies)
			}
			return errors.Join(written, err)
		})
	}
	return cmd
}

// errDamaged is the error of archived bodies that differ from what was collected.
var errDamaged = errors.New("archived answers do not match their SHA-256, so they are not what was collected; restore collector.payloads from a backup")

// readBodies reads answers from the archive, for which finance_reader has no right. An
// error is errDamaged when all were read.
func (p *program) readBodies(ctx context.Context, c *config.Config, answers []answer) error {
	bodies, err := p.archived(ctx, c, answers)
	if persist.Forbidden(err) {
		return fmt.Errorf("this login has no right to read answers, which may hold personal data; leave out --raw, or use a login that may collect: %w", err)
	}
	if err != nil {
		return err
	}
	damaged := 0
	for i, body := range bodies {
		answers[i].show(body)
		if body.State == persist.BodyDamaged {
			damaged++
		}
	}
	if damaged > 0 {
		return fmt.Errorf("%d %w", damaged, errDamaged)
	}
	return nil
}

func (p *program) archived(ctx context.Context, c *config.Config, answers []answer) ([]persist.ArchivedBody, error) {
	store, err := p.openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	hashes := make([]string, len(answers))
	for i, a := range answers {
		hashes[i] = a.SHA256
	}
	return store.Bodies(ctx, hashes)
}

// fullExplanation is an explanation with the answers behind it.
type fullExplanation struct {
	finance.Explanation

	Bodies []answer `json:"bodies"`
}

// answer is an archived body that numbers were derived from.
type answer struct {
	finance.Document

	// State and Bytes are those of the body in the archive, if it is asked for.
	State persist.BodyState `json:"state,omitempty"`
	Bytes *int              `json:"bytes,omitempty"`
	Raw   *string           `json:"raw,omitempty"`
	// Base64 stands in for Raw where a JSON string could not hold the bytes.
	Base64 []byte          `json:"raw_base64,omitempty"`
	JSON   json.RawMessage `json:"json,omitempty"`

	content []byte
}

// show takes over what the archive has.
func (a *answer) show(body persist.ArchivedBody) {
	a.State, a.Bytes = body.State, new(len(body.Content))
	if body.State == persist.BodyPruned {
		return
	}
	a.content = body.Content
	if utf8.Valid(body.Content) {
		text := string(body.Content)
		a.Raw = &text
	} else {
		a.Base64 = body.Content
	}
	a.JSON = body.JSON()
}

// writeAnswers lists the answers, and prints the bodies that were asked for, framed and
// byte for byte, which is what --raw is for.
func writeAnswers(w io.Writer, answers []answer) error {
	if len(answers) == 0 {
		return nil
	}
	var out bytes.Buffer
	fmt.Fprintln(&out, "\nAnswers:")
	table := sheet.Table{Header: []string{"KIND", "SHA-256"}}
	for _, a := range answers {
		table.Rows = append(table.Rows, []string{string(a.Kind), a.SHA256})
	}
	if answers[0].State != "" {
		table = sheet.Table{Header: []string{"KIND", "STATE", "BYTES", "SHA-256"}, Right: []bool{false, false, true}}
		for _, a := range answers {
			table.Rows = append(table.Rows, []string{string(a.Kind), string(a.State), strconv.Itoa(*a.Bytes), a.SHA256})
		}
	}
	if err := writeTable(&out, table); err != nil {
		return err
	}
	for _, a := range answers {
		if a.content != nil {
			fmt.Fprintf(&out, "\n----- begin %s %s, %d bytes, %s\n%s\n----- end %s %s\n", a.Kind, a.SHA256, *a.Bytes, a.State, a.content, a.Kind, a.SHA256)
		}
	}
	_, err := out.WriteTo(w)
	return err
}
