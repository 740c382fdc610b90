package persist

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every kind of finding that an answer can show is resolved by an answer that does
// not show it, and is explained to finance.
func TestAnswerFindingsAreComplete(t *testing.T) {
	t.Parallel()

	file, err := parser.ParseFile(token.NewFileSet(), "../billing/finding.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	manual, err := os.ReadFile("../../docs/finance.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	for _, declared := range file.Decls {
		block, ok := declared.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		ofAnswers := strings.Contains(block.Doc.Text(), "about a single answer") || strings.Contains(block.Doc.Text(), "that needs the stored data")
		for _, spec := range block.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok || value.Type == nil || value.Type.(*ast.Ident).Name != "FindingKind" {
				continue
			}
			kind, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(answerFindings, kind) != ofAnswers {
				t.Errorf("%s is resolved by an answer: %t, want %t", kind, !ofAnswers, ofAnswers)
			}
			if !strings.Contains(string(manual), "| `"+kind+"` |") {
				t.Errorf("docs/finance.md does not explain %s", kind)
			}
			kinds++
		}
	}
	if kinds < len(answerFindings) {
		t.Errorf("%d kinds found", kinds)
	}
}
