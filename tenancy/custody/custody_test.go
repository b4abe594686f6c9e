package custody_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/custody"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Each role is for one duty: the application's login enters no closed tenant,
// and the one that does serves no customer.
func TestOneDutyForEachRole(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	ctx := t.Context()
	_, life := d.Login(t, "in role watertight_lifecycle")
	_, both := d.Login(t, "in role watertight_lifecycle, watertight_app")
	app := tenancy.Config{Key: d.Key, Registry: accounts.Registry{}}
	for name, url := range map[string]string{"both": both, "the application's": d.AppURL, "a superuser": d.AdminURL, "the migrator": d.MigratorURL} {
		_, err := custody.Open(ctx, url, custody.Config{Key: d.Key})
		require.ErrorIs(t, err, tenancy.ErrUnsafeRole, name)
	}
	for name, url := range map[string]string{"both": both, "the lifecycle's": life} {
		_, err := tenancy.Open(ctx, url, app)
		require.ErrorIs(t, err, tenancy.ErrUnsafeRole, name)
	}
	// The control.
	db, err := custody.Open(ctx, life, custody.Config{Key: d.Key})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	_, err = custody.Scope(db, tenancy.Actor{}, tenancy.NewID())
	require.ErrorContains(t, err, "no actor")
	_, err = custody.Scope(db, tenancy.Actor{Email: "x@example"}, tenancy.ID{})
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	_, err = db.Admit(ctx, tenancy.Actor{UserID: tenancy.NewID().UUID()}, tenancy.NewID())
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
}

// A membership or a role that is called like the one of a custody scope gains
// nothing: the database does not take it for work on a whole tenant.
func TestTheNameOfTheRoleGainsNothing(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	id := tenancy.NewID()
	admin := d.Admin(t)
	_, err := admin.Exec(t.Context(), "insert into watertight.tenants (id, name) values ($1, 'Alpha')", id)
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), "insert into watertight.users (tenant_id, id, email) values ($1, $1, 'a@b.example')", id)
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), "insert into watertight.memberships (tenant_id, user_id, role) values ($1, $1, 'lifecycle')", id)
	require.ErrorContains(t, err, "role_of_no_operator")

	db, err := tenancy.Open(t.Context(), d.AppURL, tenancy.Config{Key: d.Key, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	scope, err := unverified.Scope(db, tenancy.Actor{Email: "x@example"}, id, custody.Role)
	require.NoError(t, err)
	var is bool
	require.NoError(t, db.For(scope).QueryRow(t.Context(), "select watertight.restoring()").Scan(&is))
	require.False(t, is)
}
