package fetch_test

import (
	"errors"
	"strings"
	"testing"

	"partnercost/internal/billing"
)

// checkFailure checks that err is a failure of a class and code, whose text has some
// words in it.
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
		if !strings.Contains(f.Error(), word) {
			t.Errorf("%q does not say %q", f, word)
		}
	}
	return f
}
