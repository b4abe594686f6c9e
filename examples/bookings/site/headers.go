package site

import "net/http"

// Headers sets what every answer carries, before a handler can forget it; a
// handler that needs less, or more, changes it. The pages have no script and no
// inline style, so the policy allows neither.
func Headers(next http.Handler) http.Handler {
	const (
		policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
		year   = "max-age=31536000; includeSubDomains"
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // addresses have the tenant's id in them
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			// In the clear it would mean nothing (RFC 6797, section 7.2).
			h.Set("Strict-Transport-Security", year)
		}
		next.ServeHTTP(w, r)
	})
}
