package console

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// titles are machine words as people say them. A word that is not here becomes one by
// itself: "not_seen" is "Not seen".
var titles = map[string]string{
	"OneTime": "One-time", "servicecosts": "Collected", "import": "Imported", "ok": "New data",
	"went": "Removed", "came": "Added", "unexplained": "Not explained by lines",
	"no_data": "No data yet", "invoice_only": "Invoice only", "costs_only": "Costs only",
	"app_user": "User with MFA", "app_only": "Application", "token": "Given token",
	"once": "By hand", "some": "Some", "rest": "The rest",
}

// title is a machine word in those of people.
func title(word string) string {
	if text, known := titles[word]; known {
		return text
	}
	text := strings.ReplaceAll(word, "_", " ")
	if text == strings.ToUpper(text) { // CYCLE FEE
		text = strings.ToLower(text)
	}
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

// kindTitle is an invoice type in words. One that the service added later is its own.
func kindTitle(kind string) string {
	if text, known := titles[kind]; known {
		return text
	}
	return kind
}

// plural is a number of things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
