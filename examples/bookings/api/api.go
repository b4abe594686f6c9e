// Package api is the booking service for programs: JSON over HTTP, as
// openapi.yaml describes it. A program signs in with a password, gets a token
// for one minute and one customer, and renews it.
//
//	curl -d '{"email":"…","password":"…"}' $BASE/api/session
//	curl -H "Authorization: Bearer $TOKEN" $BASE/api/t/$TENANT/appointments
//
// The routes stand in one table, and a test compares them with openapi.yaml.
package api

import (
	_ "embed"
	"net/http"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/tenancy"
)

//go:embed openapi.yaml
var openAPI []byte

// Config of [New]. Every field is required.
type Config struct {
	DB       *tenancy.DB
	Service  *service.Bookings
	Entrance *service.Entrance
	Files    *files.Store
}

type api struct{ Config }

// route is one line of the table.
type route struct {
	pattern string
	handle  http.Handler
}

// New returns the handler of everything below /api/.
func New(cfg Config) (http.Handler, error) {
	a := &api{cfg}
	admitted, err := middleware.New(middleware.Config{
		DB:           cfg.DB,
		Authenticate: middleware.Bearer(cfg.Entrance.Verifier.Identify),
		Tenant:       middleware.PathPrefix("/api/t/"),
		Answer:       answerRefused,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, r := range a.routes(admitted) {
		mux.Handle(r.pattern, r.handle)
	}
	return mux, nil
}

// routes is all that the API has.
func (a *api) routes(admitted *middleware.Middleware) []route {
	// in is a handler inside of the tenant that the path names, if the account is
	// registered there.
	in := func(h handler) http.Handler { return admitted.Handle(h.serve) }
	const t = "/api/t/{tenant}"
	return []route{
		{"GET /api/openapi.yaml", http.HandlerFunc(serveOpenAPI)},
		{"POST /api/session", http.HandlerFunc(a.signIn)},
		{"POST /api/session/renewal", http.HandlerFunc(a.renew)},
		{"POST /api/session/end", http.HandlerFunc(a.signOut)},

		{"GET " + t + "/rooms", in(a.rooms)},
		{"POST " + t + "/rooms", in(a.addRoom)},
		{"GET " + t + "/appointments", in(a.appointments)},
		{"POST " + t + "/appointments", in(a.book)},
		{"GET " + t + "/appointments/{id}", in(a.appointment)},
		{"DELETE " + t + "/appointments/{id}", in(a.cancel)},

		{"GET " + t + "/appointments/{id}/attachments", in(a.attachments)},
		{"POST " + t + "/appointments/{id}/attachments", in(a.attach)},
		{"GET " + t + "/appointments/{id}/attachments/{file}", in(a.download)},
		{"DELETE " + t + "/appointments/{id}/attachments/{file}", in(a.detach)},
		{"GET " + t + "/files/{token}", admitted.Wrap(files.LinkHandler(a.Files, middleware.Scope))},

		{"GET " + t + "/calendars", in(a.calendars)},
		{"POST " + t + "/calendars", in(a.connectCalendar)},
		{"POST " + t + "/calendars/{id}/import", in(a.importCalendar)},
		{"DELETE " + t + "/calendars/{id}", in(a.disconnectCalendar)},

		{"GET " + t + "/team", in(a.team)},
		{"POST " + t + "/team", in(a.addPerson)},
		{"PATCH " + t + "/team/{id}", in(a.setRole)},
		{"DELETE " + t + "/team/{id}", in(a.removePerson)},

		{"GET " + t + "/support/requests", in(a.supportRequests)},
		{"POST " + t + "/support/requests", in(a.askForSupport)},
		{"GET " + t + "/support/people", in(a.supportPeople)},
		{"GET " + t + "/support/grants", in(a.supportGrants)},
		{"POST " + t + "/support/grants", in(a.grantSupport)},
		{"DELETE " + t + "/support/grants/{id}", in(a.revokeSupport)},
		{"GET " + t + "/support/grants/{id}/activity", in(a.supportActivity)},

		{"GET " + t + "/log", in(a.log)},
		{"GET " + t + "/exports", in(a.exports)},
		{"POST " + t + "/exports", in(a.export)},
	}
}

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI) // the client has gone: nobody is left to tell
}
