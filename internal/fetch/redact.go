package fetch

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// messageBytes bounds what is repeated of a message of the service.
const messageBytes = 256

// What may stand in a message of the service and in no log of ours.
var (
	emailAddress = regexp.MustCompile(`[\p{L}\p{N}._%+'#-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*`)
	tokenLike    = regexp.MustCompile(`(?i)\bbearer\s+\S+|\beyJ[\w-]+(\.[\w-]*)*|\b[01]\.A[\w.-]{20,}|[\w+/=-]{60,}`)
)

// redact makes a message of the service fit for an error: in one line, without
// e-mail addresses and without anything that looks like a token, and short. secrets
// are removed wherever they stand.
func redact(message string, secrets ...string) string {
	if len(message) > 16*messageBytes {
		message = message[:16*messageBytes] // what is cut off below need not be searched
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

// codeWord is what a code looks like: digits, or a word of the identity platform.
var codeWord = regexp.MustCompile(`^[\w.-]{1,64}$`)

// codeOf is the code that the service gives for a failure. What is no single word is
// no code and may name a person, as messages may; logs and views repeat codes.
func codeOf(code string) string {
	code = strings.TrimSpace(code)
	if !codeWord.MatchString(code) {
		return ""
	}
	return code
}

// printable is s in one line of at most limit bytes.
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
