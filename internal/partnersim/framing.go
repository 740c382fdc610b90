package partnersim

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
)

// misframe sends an answer in an HTTP frame that does not fit, and ends the connection.
func misframe(w http.ResponseWriter, a answer) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, stream, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = conn.Close() }()
	// An error only means that the client is gone.
	defer func() { _ = stream.Flush() }()

	// Without the byte order mark the body is text that a client may quote.
	body := bytes.TrimPrefix(a.body, []byte(byteOrderMark))
	head := func(frame string) {
		_, _ = fmt.Fprintf(stream, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s\r\n\r\n", a.status, http.StatusText(a.status), a.contentType, frame)
	}
	length := func(n int) string { return fmt.Sprintf("Content-Length: %d", n) }
	switch a.framing {
	case ShortLength:
		head(length(len(body) / 2))
	case LongLength:
		head(length(len(body) + 100))
	case CutChunk:
		head("Transfer-Encoding: chunked")
		_, _ = fmt.Fprintf(stream, "%x\r\n", len(body)+1)
	case Unsolicited:
		head(length(len(body)))
		_, _ = stream.Write(body)
	default: // BareBody: the line break makes the body look like a status line
		body = append(slices.Clip(body), "\r\n"...)
	}
	_, _ = stream.Write(body)
}
