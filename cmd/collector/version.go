package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"partnercost/internal/sbom"
)

// version and commit are set by the linker (see the Makefile). In other builds they are
// what the go command recorded.
var version, commit string

// build identifies this binary.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

func thisBuild() build {
	b := build{Version: version, Commit: commit, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(b.Version, info.Main.Version)
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				b.Commit = cmp.Or(b.Commit, setting.Value)
			}
		}
	}
	b.Version, b.Commit = cmp.Or(b.Version, "(devel)"), cmp.Or(b.Commit, "unknown")
	return b
}

func (p *program) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go version",
		Long: `Print the version of this program, the commit it was built from and the Go
version it was built with. Every run records the version in finance.runs.

--sbom prints the software bill of materials in CycloneDX JSON: every module with its
version and checksum. --binary names another build of the program, such as one for
another system.`,
		Example: `  collector version
  collector version --format json
  collector version --sbom`,
		Args: cobra.NoArgs,
	}
	format := formatFlag(cmd, "text", "json")
	var bill bool
	var binary string
	cmd.Flags().BoolVar(&bill, "sbom", false, "print the software bill of materials instead")
	cmd.Flags().StringVar(&binary, "binary", "", "print the bill of materials of this `file` instead; needs --sbom")
	cmd.MarkFlagsMutuallyExclusive("sbom", "format")
	cmd.RunE = func(*cobra.Command, []string) error {
		if binary != "" && !bill {
			return usageError("--binary needs --sbom")
		}
		if bill {
			return sbom.Write(p.stdout, binary, thisBuild().Version, thisBuild().Commit)
		}
		b := thisBuild()
		if format.value == "json" {
			return writeJSON(p.stdout, b)
		}
		_, err := fmt.Fprintf(p.stdout, "collector %s\ncommit %s\nbuilt with %s\n", b.Version, b.Commit, b.Go)
		return err
	}
	return cmd
}
