package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is a flag that takes one of a few words, the first by default.
type choice struct {
	value string
	words []string
}

func newChoice(words ...string) *choice { return &choice{value: words[0], words: words} }

// Set implements pflag.Value.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("want one of %s", strings.Join(c.words, ", "))
	}
	c.value = word
	return nil
}

// String implements pflag.Value.
func (c *choice) String() string { return c.value }

// Type implements pflag.Value; it stands in the help.
func (c *choice) Type() string { return strings.Join(c.words, "|") }

func (c *choice) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return c.words, cobra.ShellCompDirectiveNoFileComp
}

// formatFlag gives a command the flag --format.
func formatFlag(cmd *cobra.Command, words ...string) *choice {
	format := newChoice(words...)
	cmd.Flags().Var(format, "format", "how the result is written")
	_ = cmd.RegisterFlagCompletionFunc("format", format.complete) // fails for unknown flags only
	return format
}
