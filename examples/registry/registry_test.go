package registry_test

import (
	"context"
	_ "embed"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/examples/registry"
	"github.com/watertight-go/watertight/examples/registry/people"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

//go:embed schema.sql
var schema string

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestTheTeamsOwnPeople(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Config{Setup: []string{schema}})
	ctx := t.Context()
	db, err := tenancy.Open(ctx, d.AppURL, tenancy.Config{Key: d.Key, Registry: registry.Registry{}})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	north, olga := company(t, d, "North")
	south, omar := company(t, d, "South")
	admit := func(who uuid.UUID, where tenancy.ID) (tenancy.Scope, error) {
		return db.Admit(ctx, tenancy.Actor{UserID: who}, where)
	}

	// The row in app.staff is the registration, and the job is the role.
	scope, err := admit(olga, north)
	require.NoError(t, err)
	require.Equal(t, tenancy.RoleOwner, scope.Role())
	_, err = admit(omar, north)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = admit(olga, south)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)

	// The team's own roles hold on its own queries.
	dora, dirk := uuid.New(), uuid.New()
	owner := people.New(db.For(scope))
	require.NoError(t, owner.Hire(ctx, north, dora, "dora@north.example", "dispatcher"))
	require.NoError(t, owner.Hire(ctx, north, dirk, "dirk@north.example", "driver"))
	as := func(who uuid.UUID) *people.Queries {
		scope, err := admit(who, north)
		require.NoError(t, err)
		return people.New(db.For(scope))
	}
	require.NoError(t, as(dora).PlanTrip(ctx, north, dirk, "Harbour"))
	require.ErrorIs(t, as(dirk).PlanTrip(ctx, north, dirk, "Beach"), tenancy.ErrForbidden)
	require.ErrorIs(t, as(dora).Hire(ctx, north, uuid.New(), "x@north.example", "owner"), tenancy.ErrForbidden)
	// So they do where sqlc sends rows or a batch.
	rows := []people.ImportTripsParams{{TenantID: north, Driver: dirk, Goal: "Airport"}, {TenantID: north, Driver: dirk, Goal: "Station"}}
	n, err := as(dora).ImportTrips(ctx, rows)
	require.NoError(t, err)
	require.Equal(t, int64(2), n)
	_, err = as(dirk).ImportTrips(ctx, rows)
	require.ErrorIs(t, err, tenancy.ErrForbidden)
	rename := func(who uuid.UUID) (err error) {
		batch := as(who).RenameTrips(ctx, []people.RenameTripsParams{{TenantID: north, Goal: "Airport", Goal_2: "Port"}})
		batch.Exec(func(_ int, e error) { err = e })
		return err
	}
	require.ErrorIs(t, rename(dirk), tenancy.ErrForbidden)
	require.NoError(t, rename(dora))
	trips, err := as(dirk).Trips(ctx, north)
	require.NoError(t, err)
	require.Len(t, trips, 3)

	// Who has left is registered no more; jobs are let in while the tenant is.
	admin := d.Admin(t)
	_, err = admin.Exec(ctx, "update app.staff set left_on = current_date where id = $1", dora)
	require.NoError(t, err)
	_, err = admit(dora, north)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = db.AdmitJob(ctx, north, "nightly")
	require.NoError(t, err)
	_, err = admin.Exec(ctx, "update watertight.tenants set status = 'suspended' where id = $1", north)
	require.NoError(t, err)
	_, err = db.AdmitJob(ctx, north, "nightly")
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = admit(dirk, north)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = admit(omar, south)
	require.NoError(t, err, "the other tenant does not notice")
}

// company makes a tenant with an owner in the team's own table.
func company(t *testing.T, d *pgtest.Database, name string) (id tenancy.ID, owner uuid.UUID) {
	t.Helper()
	sys, err := crosstenant.Open(t.Context(), d.SystemURL, crosstenant.Config{Key: d.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer sys.Close()
	err = sys.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "new customer", func(ctx context.Context, c *crosstenant.Conn) error {
		id, owner, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{Email: "owner@" + strings.ToLower(name) + ".example"})
		return err
	})
	require.NoError(t, err)
	_, err = d.Admin(t).Exec(t.Context(), "insert into app.staff (tenant_id, id, email, job) values ($1, $2, 'owner@example', 'owner')", id, owner)
	require.NoError(t, err)
	return id, owner
}

// The promise of the documentation: under 40 lines.
func TestItIsShort(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("registry.go")
	require.NoError(t, err)
	require.Less(t, strings.Count(string(text), "\n"), 40)
}
