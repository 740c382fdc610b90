package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// enumFlag is a flag with a fixed set of words. The first is the default.
type enumFlag struct {
	value string
	words []string
}

func newEnumFlag(words ...string) *enumFlag { return &enumFlag{value: words[0], words: words} }

// Set implements pflag.Value.
func (f *enumFlag) Set(word string) error {
	if !slices.Contains(f.words, word) {
		return fmt.Errorf("want one of %s", strings.Join(f.words, ", "))
	}
	f.value = word
	return nil
}

// String implements pflag.Value.
func (f *enumFlag) String() string { return f.value }

// Type implements pflag.Value. The help shows it.
func (f *enumFlag) Type() string { return strings.Join(f.words, "|") }

func (f *enumFlag) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return f.words, cobra.ShellCompDirectiveNoFileComp
}

// formatFlag adds the flag --format to a command.
func formatFlag(cmd *cobra.Command, words ...string) *enumFlag {
	format := newEnumFlag(words...)
	cmd.Flags().Var(format, "format", "format of the result")
	_ = cmd.RegisterFlagCompletionFunc("format", format.complete) // fails for unknown flags only
	return format
}
