package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// The leak suite on this service's own tables and queries.
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	queries, err := leaktest.ReadQueries([]string{"queries"})
	require.NoError(t, err)
	leaktest.Run(t, leaktest.Config{
		URL:     pgtest.New(t, pgtest.Config{Setup: []string{platform.SchemaSQL}}).AdminURL,
		AppRole: "watertight_app",
		Queries: queries,
	})
}
