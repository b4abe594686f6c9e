package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/tenancy"
)

// maxBody bounds what a request may send.
const maxBody = 64 << 10

// service answers for one tenant at a time: every handler below gets a scope,
// and there is no other way to the database.
type service struct {
	db     *tenancy.DB
	people *people
}

func newService(db *tenancy.DB, people *people) http.Handler {
	s := &service{db: db, people: people}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /t/{tenant}/rooms", s.in(s.listRooms))
	mux.HandleFunc("GET /t/{tenant}/appointments", s.in(s.listAppointments))
	mux.HandleFunc("POST /t/{tenant}/appointments", s.in(s.book))
	mux.HandleFunc("GET /t/{tenant}/appointments/{id}", s.in(s.getAppointment))
	mux.HandleFunc("DELETE /t/{tenant}/appointments/{id}", s.in(s.cancel))
	return mux
}

// scoped is a handler inside a tenant.
type scoped func(w http.ResponseWriter, r *http.Request, s tenancy.Scope, q *store.Queries) error

// in admits the person who sent the request to the tenant that its path names.
// The path is a wish: whether the account is registered there, the registry
// says.
func (s *service) in(handle scoped) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		actor, ok := s.people.of(r)
		if !ok {
			reply(w, http.StatusUnauthorized, problem{"sign in first"})
			return
		}
		tenant, err := tenancy.ParseID(r.PathValue("tenant"))
		if err != nil {
			reply(w, http.StatusNotFound, problem{"there is no such page"})
			return
		}
		scope, err := s.db.Admit(r.Context(), actor, tenant)
		if err == nil {
			err = handle(w, r, scope, store.New(s.db.For(scope)))
		}
		if err != nil {
			status, p := explain(err)
			if status == http.StatusInternalServerError {
				slog.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
			}
			reply(w, status, p)
		}
	}
}

type problem struct {
	Error string `json:"error"`
}

var errBadRequest = errors.New("the request is not one")

// explain turns an error into an answer that gives nothing away.
func explain(err error) (int, problem) {
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, tenancy.ErrNotAdmitted):
		return http.StatusForbidden, problem{"your account is not registered with this customer"}
	case errors.Is(err, pgx.ErrNoRows):
		return http.StatusNotFound, problem{"there is no such appointment"}
	case errors.Is(err, errBadRequest):
		return http.StatusBadRequest, problem{err.Error()}
	case errors.As(err, &pg) && pg.Code == "23505":
		return http.StatusConflict, problem{"the room is taken at that time"}
	case errors.As(err, &pg) && (pg.Code == "23503" || pg.Code == "23514"):
		return http.StatusUnprocessableEntity, problem{"there is no such room, or a value is out of range"}
	}
	return http.StatusInternalServerError, problem{"something went wrong"}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody is left to tell
}

func (s *service) listRooms(w http.ResponseWriter, r *http.Request, scope tenancy.Scope, q *store.Queries) error {
	rooms, err := q.ListRooms(r.Context(), scope.Tenant())
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, rooms)
	return nil
}

func (s *service) listAppointments(w http.ResponseWriter, r *http.Request, scope tenancy.Scope, q *store.Queries) error {
	list, err := q.ListAppointments(r.Context(), scope.Tenant())
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, list)
	return nil
}

// booking is what a client sends to make an appointment.
type booking struct {
	Room     uuid.UUID `json:"room"`
	Subject  string    `json:"subject"`
	StartsAt time.Time `json:"starts_at"`
	Minutes  int32     `json:"minutes"`
}

func (s *service) book(w http.ResponseWriter, r *http.Request, scope tenancy.Scope, q *store.Queries) error {
	var b booking
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil || b.Subject == "" || b.StartsAt.IsZero() {
		return errBadRequest
	}
	id, err := q.Book(r.Context(), scope.Tenant(), b.Room, b.Subject, b.StartsAt, b.Minutes, scope.Actor().UserID)
	if err != nil {
		return err
	}
	reply(w, http.StatusCreated, map[string]uuid.UUID{"id": id})
	return nil
}

func (s *service) getAppointment(w http.ResponseWriter, r *http.Request, scope tenancy.Scope, q *store.Queries) error {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return pgx.ErrNoRows
	}
	a, err := q.GetAppointment(r.Context(), scope.Tenant(), id)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, a)
	return nil
}

func (s *service) cancel(w http.ResponseWriter, r *http.Request, scope tenancy.Scope, q *store.Queries) error {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return pgx.ErrNoRows
	}
	n, err := q.CancelAppointment(r.Context(), scope.Tenant(), id)
	if err != nil {
		return err
	}
	if n == 0 {
		return pgx.ErrNoRows
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
