// Package web is the booking service for people: pages, forms, and the cookies
// that keep somebody signed in.
//
// Every page below /t/{tenant}/ goes through accounts/middleware: the tenant in
// the address is a wish, and whoever is not registered there gets a page that
// says so, while the tenant's log tells of the attempt. Forms of other sites do
// not come here: package site refuses them in front.
package web

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/examples/bookings/page"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/tenancy"
)

// Config of [New]. All but HTTPS are required.
type Config struct {
	DB       *tenancy.DB
	Service  *service.Bookings
	Entrance *service.Entrance
	Files    *files.Store
	Book     *page.Book

	// HTTPS says that browsers reach the service by https, directly or through a
	// proxy. Then the cookies go by nothing else. Defaults to plain HTTP, which
	// is for one's own machine.
	HTTPS bool
}

type web struct {
	Config

	sessions *sessions
}

// New returns the handler of all pages.
func New(cfg Config) (http.Handler, error) {
	s := &web{Config: cfg, sessions: newSessions(cfg.Entrance, cfg.HTTPS)}
	admitted, err := middleware.New(middleware.Config{
		DB:           cfg.DB,
		Authenticate: middleware.Cookie(s.sessions.access, cfg.Entrance.Verifier.Identify),
		Tenant:       middleware.PathPrefix("/t/"),
		Answer:       s.answerRefused,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for pattern, h := range s.routes(admitted) {
		mux.Handle(pattern, h)
	}
	return s.sessions.keep(mux, s.fail), nil
}

// routes is all that the pages have. Forms can send POST and nothing else, so
// what is removed has an address of its own.
func (s *web) routes(admitted *middleware.Middleware) map[string]http.Handler {
	in := func(h handler) http.Handler {
		return admitted.Handle(func(w http.ResponseWriter, r *http.Request, scope tenancy.Scope) { s.serve(h, w, r, scope) })
	}
	const t = "/t/{tenant}"
	return map[string]http.Handler{
		"GET /{$}":       http.HandlerFunc(s.home),
		"GET /sign-in":   http.HandlerFunc(s.signInPage),
		"POST /sign-in":  http.HandlerFunc(s.signIn),
		"POST /sign-out": http.HandlerFunc(s.signOut),
		"GET /":          http.HandlerFunc(s.nothing),

		"GET " + t + "/{$}":                       in(s.begin),
		"GET " + t + "/appointments":              in(s.appointments),
		"POST " + t + "/appointments":             in(s.book),
		"POST " + t + "/rooms":                    in(s.addRoom),
		"GET " + t + "/appointments/{id}":         in(s.appointment),
		"POST " + t + "/appointments/{id}/cancel": in(s.cancel),

		"POST " + t + "/appointments/{id}/attachments":               in(s.attach),
		"GET " + t + "/appointments/{id}/attachments/{file}":         in(s.download),
		"POST " + t + "/appointments/{id}/attachments/{file}/delete": in(s.detach),
		"GET " + t + "/files/{token}":                                admitted.Wrap(files.LinkHandler(s.Files, middleware.Scope)),

		"GET " + t + "/calendars":                  in(s.calendars),
		"POST " + t + "/calendars":                 in(s.connectCalendar),
		"POST " + t + "/calendars/{id}/import":     in(s.importCalendar),
		"POST " + t + "/calendars/{id}/disconnect": in(s.disconnectCalendar),

		"GET " + t + "/team":              in(s.team),
		"POST " + t + "/team":             in(s.addPerson),
		"POST " + t + "/team/{id}/role":   in(s.setRole),
		"POST " + t + "/team/{id}/remove": in(s.removePerson),

		"GET " + t + "/support":                     in(s.support),
		"POST " + t + "/support/requests":           in(s.askForSupport),
		"POST " + t + "/support/grants":             in(s.grantSupport),
		"GET " + t + "/support/grants/{id}":         in(s.supportActivity),
		"POST " + t + "/support/grants/{id}/revoke": in(s.revokeSupport),

		"GET " + t + "/log":     in(s.log),
		"GET " + t + "/export":  in(s.exports),
		"POST " + t + "/export": in(s.export),
	}
}

// answerRefused answers who was not let in.
func (s *web) answerRefused(w http.ResponseWriter, r *http.Request, status int, err error) {
	switch {
	case errors.Is(err, middleware.ErrUnauthenticated) && r.Method == http.MethodGet:
		http.Redirect(w, r, signInAddress(r), http.StatusSeeOther)
	case errors.Is(err, middleware.ErrUnauthenticated):
		s.message(w, status, "Your session has ended", "Sign in again. What you sent was not kept.")
	case errors.Is(err, middleware.ErrCrossOrigin):
		s.message(w, status, "Refused", "This form was sent from another site. Nothing was done.")
	case errors.Is(err, tenancy.ErrNotAdmitted):
		s.message(w, status, "This page is refused",
			"Your account is not registered with this customer. If the customer exists, its log tells of your attempt.")
	default:
		s.message(w, status, "Just a moment", "The service is busy. Try again.")
	}
}

// fail shows what the visitor may know of an error.
func (s *web) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, unforeseen := service.Explain(err)
	if unforeseen {
		slog.ErrorContext(r.Context(), "a page failed", "route", r.Pattern, "error", err)
	}
	s.message(w, p.Status, titles[p.Status], p.Text)
}

// titles head the pages of errors.
var titles = map[int]string{
	http.StatusUnauthorized:       "Sign in first",
	http.StatusForbidden:          "Not allowed",
	http.StatusNotFound:           "Not found",
	http.StatusTooManyRequests:    "Too many attempts",
	http.StatusServiceUnavailable: "Just a moment",
}

func (s *web) nothing(w http.ResponseWriter, r *http.Request) { s.fail(w, r, service.ErrNotFound) }

// message is a page with one sentence. It shows nothing of any customer, so it
// is the same whoever was asked for.
func (s *web) message(w http.ResponseWriter, status int, title, text string) {
	if title == "" {
		title = "Something went wrong"
	}
	if err := s.Book.Show(w, status, "message", &page.Page{Title: title, Body: text}); err != nil {
		slog.Error("a page failed", "error", err)
		http.Error(w, "something went wrong", http.StatusInternalServerError)
	}
}
