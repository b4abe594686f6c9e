package site

import "net/http"

// headers sets what every answer carries, before a handler can forget it; a
// handler that needs less, or more, changes it. The pages have no script and no
// inline style, so the policy allows neither.
func headers(next http.Handler, https bool) http.Handler {
	const (
		policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
		year   = "max-age=31536000; includeSubDomains"
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// Addresses have ids in them, so other sites see none. "no-referrer" would
		// also turn the Origin of our own forms into null.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
		h.Set("Cache-Control", "no-store")
		if https {
			// In the clear it would mean nothing (RFC 6797, section 7.2).
			h.Set("Strict-Transport-Security", year)
		}
		next.ServeHTTP(w, r)
	})
}
