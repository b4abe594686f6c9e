package api

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/tenancy"
)

// maxBody bounds what a request may send, except for a file.
const maxBody = 64 << 10

// call is a request inside of a tenant.
type call struct {
	*http.Request

	w     http.ResponseWriter
	scope tenancy.Scope
}

// handler answers a call, or returns the error that serve explains.
type handler func(c *call) error

func (h handler) serve(w http.ResponseWriter, r *http.Request, s tenancy.Scope) {
	if err := h(&call{r, w, s}); err != nil {
		fail(w, r, err)
	}
}

// errBody: the body is not the JSON that the route takes.
var errBody = errors.New("the body is not what the route takes")

// fail answers with what the sender may know of an error.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errBody) {
		reply(w, http.StatusBadRequest, service.Problem{Text: "The body is not the JSON that this route takes. See /api/openapi.yaml."})
		return
	}
	p, unforeseen := service.Explain(err)
	if unforeseen {
		slog.ErrorContext(r.Context(), "a request failed", "route", r.Pattern, "error", err)
	}
	reply(w, p.Status, p)
}

// answerRefused answers who was not let in, in the words of everything else.
func answerRefused(w http.ResponseWriter, r *http.Request, status int, err error) {
	if errors.Is(err, tenancy.ErrNotAdmitted) {
		fail(w, r, err)
		return
	}
	text := "The service is busy. Try again in a moment."
	if errors.Is(err, middleware.ErrUnauthenticated) {
		text = "Sign in first."
	}
	reply(w, status, service.Problem{Text: text})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody is left to tell
}

// read decodes the body into v; a field that v has not is refused, so that a
// misspelt one does not pass for a default.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if dec.Decode(v) != nil || dec.More() {
		return errBody
	}
	return nil
}

func (c *call) read(v any) error { return read(c.w, c.Request, v) }

// id reads an id of the path. What is none names nothing.
func (c *call) id(name string) (uuid.UUID, error) {
	id, err := uuid.Parse(c.PathValue(name))
	if err != nil {
		return uuid.Nil, service.ErrNotFound
	}
	return id, nil
}

// give answers 200 with v.
func (c *call) give(v any, err error) error {
	if err == nil {
		reply(c.w, http.StatusOK, v)
	}
	return err
}

// made answers 201 with the id of what was made.
func (c *call) made(id uuid.UUID, err error) error {
	if err == nil {
		reply(c.w, http.StatusCreated, map[string]uuid.UUID{"id": id})
	}
	return err
}

// done answers 204.
func (c *call) done(err error) error {
	if err == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return err
}
