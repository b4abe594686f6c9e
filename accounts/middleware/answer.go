package middleware

import (
	"errors"
	"io"
	"net/http"

	"github.com/watertight-go/watertight/tenancy"
)

// The answers are constants: nothing of the request or of a tenant is in them.
const (
	bodyUnauthorized = `{"error":"sign in first"}`
	bodySecondFactor = `{"error":"sign in with a second factor"}`
	bodyForbidden    = `{"error":"not allowed"}`
	bodyUnavailable  = `{"error":"try again later"}`
	bodyInternal     = `{"error":"something went wrong"}`

	// stepUp is the challenge of RFC 9470, section 3.
	stepUp = `Bearer error="insufficient_user_authentication", error_description="a second factor is required"`
)

// refuse answers a request that was not admitted.
func (m *Middleware) refuse(w http.ResponseWriter, r *http.Request, request string, err error) {
	status := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, ErrUnauthenticated):
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", "Bearer")
	case errors.Is(err, ErrSecondFactor):
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", stepUp)
	case errors.Is(err, tenancy.ErrNotAdmitted), errors.Is(err, ErrCrossOrigin):
		status = http.StatusForbidden
	default:
		m.cfg.Log.ErrorContext(r.Context(), "a request could not be admitted", "request", request, "error", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	m.cfg.Answer(w, r, status, err)
}

// answerRefused is the default of Config.Answer.
func answerRefused(w http.ResponseWriter, _ *http.Request, status int, err error) {
	body := bodyUnavailable
	switch {
	case errors.Is(err, ErrSecondFactor):
		body = bodySecondFactor
	case status == http.StatusUnauthorized:
		body = bodyUnauthorized
	case status == http.StatusForbidden:
		body = bodyForbidden
	}
	answer(w, status, body)
}

// Fail answers a request whose handler met an error of the handle: 403 for a
// query that the role may not run, 503 if the database cannot be reached, else
// 500. The body says nothing; log the error where it happened.
func Fail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, tenancy.ErrForbidden), errors.Is(err, tenancy.ErrNotAdmitted):
		answer(w, http.StatusForbidden, bodyForbidden)
	case errors.Is(err, tenancy.ErrUnavailable):
		answer(w, http.StatusServiceUnavailable, bodyUnavailable)
	default:
		answer(w, http.StatusInternalServerError, bodyInternal)
	}
}

func answer(w http.ResponseWriter, status int, body string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client has gone: nobody is left to tell
}
