package fetch

import (
	"fmt"

	"partnercost/internal/billing"
)

// findings are the oddities of an answer, each kind and subject once.
type findings []billing.Finding

// add notes an oddity unless it is already known.
func (f *findings) add(kind billing.FindingKind, severity billing.Severity, subject, sentence string, args ...any) {
	for _, known := range *f {
		if known.Kind == kind && known.Subject == subject {
			return
		}
	}
	*f = append(*f, billing.Finding{Kind: kind, Severity: severity, Subject: subject, Detail: fmt.Sprintf(sentence, args...)})
}
