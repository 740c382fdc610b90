package billing

import (
	"bytes"
	"crypto/sha256"
)

// Rules is the version of the rules by which facts and findings are derived from bodies:
// fetch.Normalise, Reconcile and the merge in persist. After a new version the next
// night derives every known body again. Raise it with every change that can derive
// something else from the same body, and with every migration that changes derived
// values.
const Rules = 1

// Digest identifies the content of a body. Bodies have the same digest if they differ
// only in volatile members: in the values of "links", which say where to send further
// requests, and in "etag" among the "attributes", which the service may change at any
// time (API.md 6). Neither is ever stored as a fact.
//
// The digest is a storage format: it is stored in collector.customer_states, and a body
// with another digest is derived again. TestDigestIsAStorageFormat guards it.
func Digest(body []byte) [sha256.Size]byte {
	content := sha256.New()
	stable(body, func(part []byte) { _, _ = content.Write(part) })
	return [sha256.Size]byte(content.Sum(nil))
}

// stable passes on the body without the values of its volatile members, part by part.
// It expects JSON. In any other body it may leave something out, but always the same.
func stable(body []byte, pass func([]byte)) {
	var (
		depth      int
		attributes int // the depth within the current attributes, or 0
		passed     int // the part of the body that was passed on or left out
	)
	for at := 0; at < len(body); {
		switch body[at] {
		case '{', '[':
			depth++
			at++
		case '}', ']':
			if depth == attributes {
				attributes = 0
			}
			depth--
			at++
		case '"':
			end := stringEnd(body, at)
			key := body[at:end]
			at = spaceEnd(body, end)
			if at == len(body) || body[at] != ':' {
				continue
			}
			at = spaceEnd(body, at+1)
			switch {
			case string(key) == `"attributes"` && attributes == 0 && at < len(body) && body[at] == '{':
				attributes = depth + 1
			case string(key) == `"links"`, string(key) == `"etag"` && depth == attributes:
				pass(body[passed:at])
				at = valueEnd(body, at)
				passed = at
			}
		default:
			at++
		}
	}
	pass(body[passed:])
}

// stringEnd returns the end of the string that begins at start.
func stringEnd(body []byte, start int) int {
	for at := start + 1; at < len(body); at++ {
		switch body[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(body)
}

// valueEnd returns the end of the value that begins at start.
func valueEnd(body []byte, start int) int {
	depth := 0
	for at := start; at < len(body); {
		switch body[at] {
		case '"':
			at = stringEnd(body, at)
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at // the value is a number or a word
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return len(body)
}

// spaceEnd returns the end of the white space that may begin at start.
func spaceEnd(body []byte, start int) int {
	return start + len(body[start:]) - len(bytes.TrimLeft(body[start:], " \t\r\n"))
}
