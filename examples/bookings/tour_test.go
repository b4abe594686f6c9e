package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/examples/bookings/site"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// start is the whole service, on a server of the test's own.
func start(t *testing.T) (*platform.Platform, string) {
	t.Helper()
	pgtest.New(t, pgtest.Config{Empty: true}) // skips, or fails in CI, where there is no server
	p, err := platform.Start(t.Context(), platform.Config{WeakPasswordHashes: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	handler, err := site.New(p, site.Config{})
	require.NoError(t, err)
	web := httptest.NewServer(handler)
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
	conn, err := pgx.Connect(t.Context(), p.Database.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `drop event trigger watertight_protected;
		create policy oops on app.appointments for select to watertight_app using (true)`)
	require.NoError(t, err)
	var out strings.Builder
	require.ErrorContains(t, tour(t.Context(), p, base, &out), "reached another customer's data")
	require.Contains(t, out.String(), "LEAK")
}
