package main_test

import (
	"debug/buildinfo"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

// The bill of materials names every module that the go command recorded in the binary, and
// is the same each time.
func TestSBOMNamesEveryModule(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 1})
	printed := s.collector(t, "version", "--sbom").want(t, 0).stdout
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(strings.NewReader(printed), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.Metadata.Component.Version != "v0.0.0-e2e" {
		t.Errorf("the bill is for %+v", bom.Metadata.Component)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	want, got := []string{"std@" + info.GoVersion}, []string{}
	for _, module := range info.Deps {
		want = append(want, module.Path+"@"+module.Version)
	}
	for _, component := range *bom.Components {
		got = append(got, component.Name+"@"+component.Version)
		if component.Name != "std" && component.Hashes == nil {
			t.Errorf("%s has no checksum", component.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modules (-binary +bill):\n%s", diff)
	}
	if again := s.collector(t, "version", "--sbom", "--binary", binary).want(t, 0).stdout; again != printed {
		t.Errorf("read from its file the binary is made of something else:\n%s", cmp.Diff(printed, again))
	}
	s.collector(t, "version", "--binary", binary).want(t, 2).says(t, "--binary needs --sbom")
	s.collector(t, "version", "--sbom", "--binary", "collector.yaml").want(t, 1).says(t, "collector.yaml")
}
