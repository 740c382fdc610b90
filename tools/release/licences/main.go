// Licences collects the licences of every module that the program links, on all systems
// it is released for, and refuses one that is not on the list of those we accept.
//
//	go tool licences ../.. ./cmd/collector >THIRD-PARTY-NOTICES
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// accepted are the licences, by SPDX identifier, that ask for no more than what the
// notices give: the text, the copyright and, of MPL-2.0, where the source is.
var accepted = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "PostgreSQL", "Unlicense"}

// publicDomain are the modules whose authors say so in words of their own, read by us.
var publicDomain = []string{"github.com/xi2/xz"}

// targets are the systems of .goreleaser.yaml: each links other modules.
var targets = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

// recognised is how many percent of a file must be the known text of licences.
const recognised = 75

// These are the names of files that hold a licence, and of those that it wants to be
// handed on too.
var (
	licence = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)([.-].*)?$`)
	legal   = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|notice|patents|authors)([.-].*)?$`)
)

type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: licences DIR PACKAGE")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// write writes the notices of what the package in dir links.
func write(w io.Writer, dir, pkg string) error {
	linked := map[string]module{}
	for _, target := range targets {
		if err := link(linked, dir, pkg, target); err != nil {
			return err
		}
	}
	fmt.Fprint(w, "This program contains the Go standard library and the modules below, under these licences.\n")
	var refused []error
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	all := append([]module{{Path: "Go standard library", Dir: strings.TrimSpace(string(goroot))}}, ordered(linked)...)
	for _, m := range all {
		if err := notice(w, m); err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", m.Path, err))
		}
	}
	return errors.Join(refused...)
}

func ordered(linked map[string]module) []module {
	var modules []module
	for _, path := range slices.Sorted(maps.Keys(linked)) {
		modules = append(modules, linked[path])
	}
	return modules
}

// link adds the modules that the package links on the target.
func link(linked map[string]module, dir, pkg, target string) error {
	goos, goarch, _ := strings.Cut(target, "/")
	cmd := exec.Command("go", "list", "-deps", "-json=Module", pkg)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	listed, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, &stderr)
	}
	for decoder := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p struct{ Module *module }
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", cmd, err)
		}
		if m := p.Module; m != nil && !m.Main {
			if m.Replace != nil {
				m = m.Replace
			}
			linked[m.Path] = *m
		}
	}
}

// notice writes the legal files of a module and refuses what is not accepted.
func notice(w io.Writer, m module) error {
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return err
	}
	var found []string
	var texts strings.Builder
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !legal.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&texts, "\n--- %s\n\n%s\n", entry.Name(), bytes.TrimSpace(text))
		if !licence.MatchString(entry.Name()) {
			continue
		}
		if slices.Contains(publicDomain, m.Path) {
			found = append(found, "public domain")
			continue
		}
		coverage := licensecheck.Scan(text)
		if coverage.Percent < recognised {
			return fmt.Errorf("only %.0f %% of %s is the text of a known licence", coverage.Percent, entry.Name())
		}
		for _, match := range coverage.Match {
			if !slices.Contains(found, match.ID) {
				found = append(found, match.ID)
			}
		}
	}
	if len(found) == 0 {
		return errors.New("it has no licence")
	}
	fmt.Fprintf(w, "\n%s\n%s\n%s\n", strings.Repeat("=", 80), strings.TrimSpace(m.Path+" "+m.Version), strings.Join(found, ", "))
	_, err = io.WriteString(w, texts.String())
	for _, id := range found {
		if !slices.Contains(accepted, id) && !slices.Contains(publicDomain, m.Path) {
			return fmt.Errorf("the licence %s is not on the list of those we accept: do without the module, or decide about the licence in tools/release/licences", id)
		}
	}
	return err
}
