package enforcement

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// B3: an automated test system guards changes against regressions and
// contamination between tenants.
func TestB03TheSuiteFindsARegression(t *testing.T) {
	t.Parallel()
	// The suite brings customers of its own, and attacks a copy of the database.
	d := pgtest.New(t, pgtest.Config{Setup: []string{documents}})
	suite := leaktest.Config{URL: d.AdminURL, AppRole: "watertight_app"}

	// The control: the database as it is.
	report, err := leaktest.Check(t.Context(), suite)
	require.NoError(t, err)
	require.Zero(t, report.Leaks())
	require.Zero(t, report.Unproved())

	// A change that lets tenants read each other's documents. The guard would
	// refuse it, so it is taken away first.
	conn, err := pgx.Connect(t.Context(), d.AdminURL)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `drop event trigger watertight_protected;
		create policy regression on app.documents for select to watertight_app using (true)`)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	report, err = leaktest.Check(t.Context(), suite)
	require.Error(t, err)
	require.NotZero(t, report.Leaks())
	found := false
	for _, f := range report.Findings {
		found = found || f.Table == "app.documents"
	}
	require.True(t, found, "the suite names the table")
}
