package spelling_test

import (
	"testing"

	"partnercost/internal/spelling"
)

func TestNearestWord(t *testing.T) {
	t.Parallel()
	known := []string{"run", "report", "reconcile", "restatements", "restatement-lines", "url", "url_file"}
	for typed, want := range map[string]string{
		"run":         "run",
		"rnu":         "run", // swapped
		"rn":          "run", // left out
		"runn":        "run", // added
		"ruv":         "run", // replaced
		"RUN":         "run",
		"restatments": "restatements",
		"reconsile":   "reconcile",
		"recon":       "reconcile", // the beginning
		"rest":        "restatements",
		"uri":         "url",
		"reprot":      "report",
		"costs":       "",
		"ruxy":        "run", // two mistakes in four letters
		"rxy":         "",    // two in three
		"":            "",
	} {
		if got := spelling.Nearest(typed, known); got != want {
			t.Errorf("the nearest word to %q is %q, want %q", typed, got, want)
		}
	}
}
