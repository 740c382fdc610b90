package fetch_test

import (
	"errors"
	"strings"
	"testing"

	"partnercost/internal/billing"
)

// checkFailure checks the class and code of a failure, and that its text contains
// words.
func checkFailure(t *testing.T, err error, class billing.FailureClass, code string, words ...string) *billing.Failure {
	t.Helper()
	var f *billing.Failure
	if !errors.As(err, &f) {
		t.Errorf("%v is no failure of class %s", err, class)
		return nil
	}
	if f.Class != class || f.Code != code {
		t.Errorf("class %s, code %q, want %s and %q: %v", f.Class, f.Code, class, code, f)
	}
	for _, word := range words {
		if !strings.Contains(f.Error(), word) && !strings.Contains(f.Said, word) {
			t.Errorf("neither %q nor the service's %q says %q", f, f.Said, word)
		}
	}
	if f.Said != "" && strings.Contains(f.Error(), f.Said) {
		t.Errorf("%q repeats what the service said, which may name persons", f)
	}
	return f
}
