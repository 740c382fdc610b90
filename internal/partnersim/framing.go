package partnersim

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
)

// misframe sends an answer in a frame of HTTP that does not fit, and ends the
// connection.
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
	// A client that is gone is no concern of the service.
	defer func() { _ = stream.Flush() }()

	// Without the mark the body is text that a client may be tempted to quote.
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
	default: // BareBody: the end of the line has it taken for a status line
		body = append(slices.Clip(body), "\r\n"...)
	}
	_, _ = stream.Write(body)
}
