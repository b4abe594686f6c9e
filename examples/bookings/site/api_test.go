package site_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/tenancy"
)

func in(c *platform.Customer) string { return "/api/t/" + c.Tenant.String() }

func TestAPIAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna, his := w.program(t, w.anna), w.fill(t, w.ben)
	own := in(w.anna)
	booking := func(change ...string) map[string]any {
		b := map[string]any{"room": w.anna.Room, "subject": "Visit", "starts_at": monday, "minutes": 30}
		for i := 0; i < len(change); i += 2 {
			b[change[i]] = change[i+1]
		}
		return b
	}
	long := booking()
	long["minutes"] = 9999
	for _, try := range []struct {
		what, method, path string
		body               any
		want               int
	}{
		{"book", "POST", "/appointments", booking(), 201},
		{"book again", "POST", "/appointments", booking(), 409},
		{"another customer's room", "POST", "/appointments", booking("room", his.room.String()), 422},
		{"a room that is none", "POST", "/appointments", booking("room", uuid.NewString()), 422},
		{"too long", "POST", "/appointments", long, 422},
		{"without a subject", "POST", "/appointments", booking("subject", " "), 422},
		{"a field that is none", "POST", "/appointments", booking("tenant_id", w.ben.Tenant.String()), 400},
		{"no JSON", "POST", "/appointments", "{", 400},
		{"list", "GET", "/appointments?from=2030-01-01T00:00:00Z", nil, 200},
		{"list from nowhere", "GET", "/appointments?from=yesterday", nil, 422},
		{"rooms", "GET", "/rooms", nil, 200},
		{"a room twice", "POST", "/rooms", map[string]string{"name": "Room 1"}, 409},
		{"no such", "GET", "/appointments/" + uuid.NewString(), nil, 404},
		{"no id", "DELETE", "/appointments/x", nil, 404},
		{"a weak password", "POST", "/team", map[string]string{"email": "x@example.com", "name": "X", "role": "member", "password": "short"}, 422},
		{"a role that is none", "POST", "/team", map[string]string{"email": "x@example.com", "name": "X", "role": "root", "password": password}, 422},
		{"her own role", "PATCH", "/team/" + w.anna.Owner.UserID.String(), map[string]string{"role": "viewer"}, 422},
		{"a cursor that is none", "GET", "/log?after=x", nil, 422},
		{"no route", "GET", "/nothing", nil, 404},
		{"no method", "PUT", "/rooms", nil, 405},
	} {
		a := anna.do(t, try.method, own+try.path, try.body)
		require.Equal(t, try.want, a.StatusCode, "%s: %s", try.what, a.body)
		require.NotContains(t, a.body, secret(w.ben), try.what)
	}
	require.Equal(t, 401, program{url: w.url}.do(t, "GET", own+"/rooms", nil).StatusCode)
	require.Equal(t, 401, program{w.url, "x"}.do(t, "GET", own+"/rooms", nil).StatusCode)
}

// route is a request for one thing; the path has the names of openapi.yaml.
type route struct {
	method, path string
	body         any
}

// routesOf asks for everything that somebody has, by its ids.
func routesOf(it things) []route {
	a, c := "/appointments/"+it.appointment.String(), "/calendars/"+it.calendar.String()
	return []route{
		{"GET", a, nil},
		{"GET", a + "/attachments", nil},
		{"POST", a + "/attachments?name=x.txt", "x"},
		{"GET", a + "/attachments/" + it.file.String(), nil},
		{"DELETE", a + "/attachments/" + it.file.String(), nil},
		{"DELETE", a, nil},
		{"POST", c + "/import", nil},
		{"DELETE", c, nil},
		{"PATCH", "/team/" + it.person.String(), map[string]string{"role": "viewer"}},
		{"DELETE", "/team/" + it.person.String(), nil},
		{"DELETE", "/support/grants/" + it.grant.String(), nil},
	}
}

// Ben's ids, under Anna's own address, are answered as ids that never were.
func TestForeignIDsAreUnknownIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna, own, his := w.program(t, w.anna), in(w.anna), w.fill(t, w.ben)
	made := func() things {
		return things{uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()}
	}
	unknown := routesOf(made())
	for i, r := range routesOf(his) {
		foreign, never := anna.do(t, r.method, own+r.path, r.body), anna.do(t, r.method, own+unknown[i].path, r.body)
		require.Equal(t, 404, never.StatusCode, "%s %s: %s", r.method, unknown[i].path, never.body)
		require.Equal(t, never.StatusCode, foreign.StatusCode, "%s %s: %s", r.method, r.path, foreign.body)
		require.Equal(t, never.body, foreign.body, "%s %s", r.method, r.path)
		require.Equal(t, keys(never.Header), keys(foreign.Header), "%s %s", r.method, r.path)
	}
	// What lists shows nothing of his.
	for _, path := range []string{"/rooms", "/appointments?from=2030-01-01T00:00:00Z", "/calendars", "/team", "/support/requests", "/support/grants", "/support/grants/" + his.grant.String() + "/activity", "/log", "/exports"} {
		a := anna.do(t, "GET", own+path, nil)
		require.Equal(t, 200, a.StatusCode, path)
		require.NotContains(t, a.body, secret(w.ben), path)
	}
	// The control: nothing of it is gone, and to Ben it answers.
	ben := w.program(t, w.ben)
	for _, r := range routesOf(his) {
		a := ben.do(t, r.method, in(w.ben)+r.path, r.body)
		require.Less(t, a.StatusCode, 300, "%s %s: %s", r.method, r.path, a.body)
	}
}

func keys(h http.Header) []string { return slices.Sorted(maps.Keys(h)) }

// Ben's address, with Anna's token: 403 with the reason, the same as for a
// customer that does not exist, and Ben's log tells of it.
func TestForeignAddressesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna, his := w.program(t, w.anna), w.fill(t, w.ben)
	all := append(routesOf(his),
		route{"GET", "/rooms", nil}, route{"POST", "/rooms", map[string]string{"name": "x"}},
		route{"GET", "/appointments", nil}, route{"POST", "/appointments", map[string]any{"room": his.room, "subject": "x", "starts_at": monday, "minutes": 30}},
		route{"GET", "/calendars", nil}, route{"GET", "/team", nil}, route{"GET", "/log", nil},
		route{"GET", "/support/people", nil}, route{"GET", "/exports", nil}, route{"POST", "/exports", nil},
	)
	require.Empty(t, w.events(t, w.ben, "watertight.refused"))
	for i, r := range all {
		a := anna.do(t, r.method, in(w.ben)+r.path, r.body)
		require.Equal(t, 403, a.StatusCode, "%s %s", r.method, r.path)
		require.JSONEq(t, `{"error":"Your account is not registered with this customer."}`, a.body)
		nowhere := anna.do(t, r.method, "/api/t/"+tenancy.NewID().String()+r.path, r.body)
		require.Equal(t, a.StatusCode, nowhere.StatusCode)
		require.Equal(t, a.body, nowhere.body)
		require.Len(t, w.events(t, w.ben, "watertight.refused"), i+1)
	}
	for _, e := range w.events(t, w.ben, "watertight.refused") {
		require.Equal(t, "Refused attempt", e.Title)
		require.True(t, e.Refused)
		require.Equal(t, "an account that is not registered here", e.Who)
		require.NotContains(t, e.Who+e.Object, "northwind")
	}
	// A link to a file is good for nobody else either.
	ben := w.program(t, w.ben)
	link := ben.follow(t, in(w.ben)+"/appointments/"+his.appointment.String()+"/attachments/"+his.file.String())
	require.Equal(t, 200, ben.do(t, "GET", link, nil).StatusCode, "the control")
	require.Equal(t, 403, anna.do(t, "GET", link, nil).StatusCode)
	moved := strings.Replace(link, w.ben.Tenant.String(), w.anna.Tenant.String(), 1)
	require.Equal(t, 403, anna.do(t, "GET", moved, nil).StatusCode, "nor under her own address")
}

// follow returns where a redirect leads to.
func (p program) follow(t *testing.T, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+p.token)
	a := do(t, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, r)
	require.Equal(t, http.StatusSeeOther, a.StatusCode, a.body)
	return a.Header.Get("Location")
}
