package console

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// policy allows a page its own style sheet and pictures, and forms that lead back to
// the console; nothing else.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded sets the headers of every answer and lets through what auth does.
func guarded(auth *authenticator, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Robots-Tag", "noindex")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			plain(w, http.StatusMethodNotAllowed, "The console is read-only.")
			return
		}
		if why := auth.refuses(r); why != nil {
			switch why.status {
			case http.StatusUnauthorized:
				h.Set("WWW-Authenticate", `Basic realm="costs", charset="UTF-8"`)
			case http.StatusTooManyRequests:
				h.Set("Retry-After", strconv.Itoa(int(nextTryOfOne.Seconds())))
			}
			plain(w, why.status, why.text)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.Copy(w, strings.NewReader(text+"\n")) // the client may be gone
}
