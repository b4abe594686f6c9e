package middleware

import (
	"crypto/rand"
	"net/http"
	"regexp"
)

const requestIDHeader = "X-Request-Id"

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

// requestID is what leads from the audit log back to this request: the id that
// a proxy of ours gave it, or a new one. A client's own would let him stand in
// somebody else's trace.
func (m *Middleware) requestID(r *http.Request) string {
	if given := r.Header.Get(requestIDHeader); requestIDForm.MatchString(given) && Proxies(m.cfg.TrustedProxies).Has(ParseAddr(r.RemoteAddr)) {
		return given
	}
	return rand.Text()
}
