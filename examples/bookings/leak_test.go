package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

// The leak suite on this service's own tables and queries, and on what is in no
// catalogue: its files and its sealed values.
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	queries, err := leaktest.ReadQueries([]string{"queries"})
	require.NoError(t, err)
	running := newAttackSite(t)
	leaktest.Run(t, leaktest.Config{
		URL:     pgtest.New(t, pgtest.Config{Setup: []string{platform.SchemaSQL}}).AdminURL,
		AppRole: "watertight_app",
		Queries: queries,
		Attacks: []leaktest.Attack{{Name: "files", Run: running.files}, {Name: "sealed values", Run: running.sealed}},
	})
}

// attackSite is the running service, on a database of its own: the suite wants to
// copy the one that it attacks.
type attackSite struct {
	*platform.Platform

	anna, ben tenancy.Scope
}

func newAttackSite(t *testing.T) *attackSite {
	t.Helper()
	p, err := platform.Start(t.Context(), platform.Config{
		Database: pgtest.New(t, pgtest.Config{Setup: []string{platform.SchemaSQL}}), WeakPasswordHashes: true,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	a := &attackSite{Platform: p}
	for i, s := range []*tenancy.Scope{&a.anna, &a.ben} {
		*s, err = p.DB.Admit(t.Context(), p.Customers[i].Owner, p.Customers[i].Tenant)
		require.NoError(t, err)
		_, err = p.Service.ConnectCalendar(t.Context(), *s, service.NewCalendar{Account: "calendar", Password: crypto.SecretString("secret")})
		require.NoError(t, err)
	}
	return a
}

func (a *attackSite) files(ctx context.Context, _ leaktest.Site) (out []leaktest.Attempt, err error) {
	attempts, err := files.Attack(ctx, a.Files, a.anna, a.ben)
	for _, one := range attempts {
		out = append(out, leaktest.Attempt{Object: "files", Attack: one.Attack, Control: one.Control, Leaked: one.Leaked, Detail: one.Detail})
	}
	return out, err
}

// sealed opens the passwords of connected calendars, and those of people, where
// they do not belong.
func (a *attackSite) sealed(ctx context.Context, _ leaktest.Site) ([]leaktest.Attempt, error) {
	swaps, err := keystore.AttackBySwap(ctx, a.DB, a.Ring, a.anna.Tenant(), a.ben.Tenant())
	if err != nil {
		return nil, err
	}
	out := []leaktest.Attempt{{Attack: "open sealed values elsewhere", Control: "each opened at its own place"}}
	for _, opened := range swaps.Opened {
		out = append(out, leaktest.Attempt{Attack: opened, Control: "each opened at its own place", Leaked: true})
	}
	return out, nil
}
