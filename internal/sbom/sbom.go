// Package sbom lists the components of a build of this program, as CycloneDX.
package sbom

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// Write writes, in CycloneDX's JSON, the components of a binary: the one at path, or this
// one. The output for one binary is always the same. version and commit are those of this
// program: the linker sets them, and they cannot be read from another binary.
func Write(w io.Writer, path, version, commit string) error {
	info, ok := debug.ReadBuildInfo()
	if path != "" {
		var err error
		if info, err = buildinfo.ReadFile(path); err != nil {
			return fmt.Errorf("read the modules of %s: %w", path, err)
		}
	} else if !ok {
		return errors.New("this binary was built without build information")
	}
	if err := cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bill(info, version, commit), cyclonedx.SpecVersion1_6); err != nil {
		return fmt.Errorf("SBOM: %w", err)
	}
	return nil
}

// bill returns what the go command recorded: the modules with their checksums, the Go
// version and the target system.
func bill(info *debug.BuildInfo, version, commit string) *cyclonedx.BOM {
	settings := map[string]string{}
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	platform := settings["GOOS"] + "/" + settings["GOARCH"]
	application := cyclonedx.Component{
		BOMRef: info.Main.Path, Type: cyclonedx.ComponentTypeApplication, Name: "collector",
		Version:  version,
		Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		Properties: &[]cyclonedx.Property{
			{Name: "go:platform", Value: platform},
			{Name: "vcs:revision", Value: commit},
		},
	}
	components := []cyclonedx.Component{{
		BOMRef: "std", Type: cyclonedx.ComponentTypeLibrary, Name: "std", Description: "Go standard library",
		Version: info.GoVersion, PackageURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go"),
	}}
	uses := []string{"std"}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		components = append(components, moduleComponent(module))
		uses = append(uses, packageURL(module))
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &application}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: application.BOMRef, Dependencies: &uses}}
	return bom
}

func moduleComponent(module *debug.Module) cyclonedx.Component {
	component := cyclonedx.Component{
		BOMRef: packageURL(module), Type: cyclonedx.ComponentTypeLibrary, Name: module.Path, Version: module.Version,
		Scope: cyclonedx.ScopeRequired, PackageURL: packageURL(module),
	}
	// The checksum of go.sum: a SHA-256 over the names and hashes of the module's files.
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(module.Sum, "h1:")); err == nil && len(sum) > 0 {
		component.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	return component
}

func packageURL(module *debug.Module) string {
	return "pkg:golang/" + module.Path + "@" + module.Version + "?type=module"
}
