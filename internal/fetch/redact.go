package fetch

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// messageBytes bounds how much of a message of the service is repeated.
const messageBytes = 256

// Patterns that a message of the service may contain and a log of ours must not.
var (
	emailAddress = regexp.MustCompile(`[\p{L}\p{N}._%+'#-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*`)
	tokenLike    = regexp.MustCompile(`(?i)\bbearer\s+\S+|\beyJ[\w-]+(\.[\w-]*)*|\b[01]\.A[\w.-]{20,}|[\w+/=-]{60,}`)
)

// redact makes a message of the service fit for an error: one short line, without
// e-mail addresses and without anything that looks like a token. secrets are removed
// wherever they occur.
func redact(message string, secrets ...string) string {
	if len(message) > 16*messageBytes {
		message = message[:16*messageBytes] // the text that is cut off below need not be searched
	}
	for _, secret := range secrets {
		if secret != "" {
			message = strings.ReplaceAll(message, secret, "[secret]")
		}
	}
	message = tokenLike.ReplaceAllString(message, "[token]")
	message = emailAddress.ReplaceAllString(message, "[e-mail]")
	return printable(message, messageBytes)
}

// codeWord matches a code: digits, or a word of the identity platform.
var codeWord = regexp.MustCompile(`^[\w.-]{1,64}$`)

// codeOf returns the service's code for a failure. Logs and views repeat codes, so text
// of more than one word is dropped: it may name a person, as messages may.
func codeOf(code string) string {
	code = strings.TrimSpace(code)
	if !codeWord.MatchString(code) {
		return ""
	}
	return code
}

// printable returns s as one line of at most limit bytes.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
