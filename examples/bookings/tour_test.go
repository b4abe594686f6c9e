package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// start is the whole service, on a server of the test's own.
func start(t *testing.T) (*platform, string) {
	t.Helper()
	pgtest.New(t, pgtest.Config{Empty: true}) // skips, or fails in CI, where there is no server
	p, err := startPlatform(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.stop()) })
	web := httptest.NewServer(newService(p.db, p.people))
	t.Cleanup(web.Close)
	return p, web.URL
}

func TestTourIsRefusedEverywhere(t *testing.T) {
	p, base := start(t)
	var out strings.Builder
	require.NoError(t, tour(t.Context(), p, base, &out))
	require.NotContains(t, out.String(), "LEAK")
	require.NotContains(t, out.String(), "skip")
	require.Contains(t, out.String(), "cannot use pool", "lock 1 was asked of the compiler")
	require.GreaterOrEqual(t, strings.Count(out.String(), "  ok  "), 20)
}

// A tour that cannot fail would show nothing: with one policy opened, it does.
func TestTourSeesALeak(t *testing.T) {
	p, base := start(t)
	conn, err := pgx.Connect(t.Context(), p.database.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `drop event trigger watertight_protected;
		create policy oops on app.appointments for select to watertight_app using (true)`)
	require.NoError(t, err)
	var out strings.Builder
	require.ErrorContains(t, tour(t.Context(), p, base, &out), "reached another customer's data")
	require.Contains(t, out.String(), "LEAK")
}

func TestServiceAnswers(t *testing.T) {
	p, base := start(t)
	anna, ben := p.customers[0], p.customers[1]
	own, foreign := "/t/"+anna.tenant.String(), "/t/"+ben.tenant.String()
	good := booking{Room: anna.room, Subject: "Visit", StartsAt: mustTime(t, "2030-01-07T09:00:00Z"), Minutes: 30}
	otherRoom := good
	otherRoom.Room = ben.room
	long := good
	long.Minutes = 9999
	for _, try := range []struct {
		what, method, path string
		body               any
		anonymous          bool
		want               int
	}{
		{"book", "POST", own + "/appointments", good, false, http.StatusCreated},
		{"book again", "POST", own + "/appointments", good, false, http.StatusConflict},
		{"another customer's room", "POST", own + "/appointments", otherRoom, false, http.StatusUnprocessableEntity},
		{"too long", "POST", own + "/appointments", long, false, http.StatusUnprocessableEntity},
		{"unknown field", "POST", own + "/appointments", map[string]any{"tenant_id": ben.tenant}, false, http.StatusBadRequest},
		{"list", "GET", own + "/appointments", nil, false, http.StatusOK},
		{"rooms", "GET", own + "/rooms", nil, false, http.StatusOK},
		{"no such", "GET", own + "/appointments/" + anna.tenant.String(), nil, false, http.StatusNotFound},
		{"no id", "DELETE", own + "/appointments/x", nil, false, http.StatusNotFound},
		{"anonymous", "GET", own + "/appointments", nil, true, http.StatusUnauthorized},
		{"foreign list", "GET", foreign + "/appointments", nil, false, http.StatusForbidden},
		{"foreign rooms", "GET", foreign + "/rooms", nil, false, http.StatusForbidden},
		{"foreign booking", "POST", foreign + "/appointments", otherRoom, false, http.StatusForbidden},
		{"no tenant", "GET", "/t/x/appointments", nil, false, http.StatusNotFound},
		{"zero tenant", "GET", "/t/00000000-0000-0000-0000-000000000000/appointments", nil, false, http.StatusNotFound},
	} {
		web := client{base, anna.signIn}
		if try.anonymous {
			web.signIn = ""
		}
		status, body, err := web.do(t.Context(), try.method, try.path, try.body)
		require.NoError(t, err, try.what)
		require.Equal(t, try.want, status, "%s: %s", try.what, body)
		require.NotContains(t, body, "Harbour")
	}
}

func mustTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}
