package fetch

import (
	"fmt"

	"partnercost/internal/billing"
)

// findings are the findings about an answer, each kind and subject once.
type findings struct {
	list  []billing.Finding
	known map[findingKey]bool
}

type findingKey struct {
	kind    billing.FindingKind
	subject string
}

// add adds a finding unless it is already in the list.
func (f *findings) add(kind billing.FindingKind, severity billing.Severity, subject, sentence string, args ...any) {
	key := findingKey{kind, subject}
	if f.known[key] {
		return
	}
	if f.known == nil {
		f.known = map[findingKey]bool{}
	}
	f.known[key] = true
	f.list = append(f.list, billing.Finding{Kind: kind, Severity: severity, Subject: subject, Detail: fmt.Sprintf(sentence, args...)})
}

// addAll adds complete findings.
func (f *findings) addAll(list []billing.Finding) {
	for _, found := range list {
		f.add(found.Kind, found.Severity, found.Subject, "%s", found.Detail)
	}
}
