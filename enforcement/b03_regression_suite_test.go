package enforcement

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest"
)

// B3: an automated test system guards changes against regressions and
// contamination between tenants.
func TestB03TheSuiteFindsARegression(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	suite := leaktest.Config{URL: o.AdminURL, AppRole: "watertight_app", YesDestroy: true}

	// The control: the office as it is.
	report, err := leaktest.Check(t.Context(), suite)
	require.NoError(t, err)
	require.Zero(t, report.Leaks())
	require.Zero(t, report.Unproved())

	// A change that lets tenants read each other's documents. The guard would
	// refuse it, so it is taken away first.
	_, err = o.Admin(t).Exec(t.Context(), `drop event trigger watertight_protected;
		create policy regression on app.documents for select to watertight_app using (true)`)
	require.NoError(t, err)
	report, err = leaktest.Check(t.Context(), suite)
	require.Error(t, err)
	require.NotZero(t, report.Leaks())
	found := false
	for _, f := range report.Findings {
		found = found || f.Table == "app.documents"
	}
	require.True(t, found, "the suite names the table")
}
