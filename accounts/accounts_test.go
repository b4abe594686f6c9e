package accounts_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestPeopleOfATenant(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	ctx := t.Context()
	sys, err := crosstenant.Open(ctx, d.SystemURL, crosstenant.Config{Key: d.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(sys.Close)
	db, err := tenancy.Open(ctx, d.AppURL, tenancy.Config{Key: d.Key, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	run := func(fn func(ctx context.Context, c *crosstenant.Conn) error) error {
		return sys.Run(ctx, tenancy.Actor{Email: "operator@example"}, "test", fn)
	}
	create := func(name string, owner accounts.Owner) (id tenancy.ID, user uuid.UUID, err error) {
		err = run(func(ctx context.Context, c *crosstenant.Conn) error {
			id, user, err = accounts.CreateTenant(ctx, c, name, owner)
			return err
		})
		return id, user, err
	}

	alpha, anna, err := create("Alpha", accounts.Owner{Email: "anna@alpha.example", Name: "Anna"})
	require.NoError(t, err)
	// One person may own two tenants, with one id and two accounts.
	beta, same, err := create("Beta", accounts.Owner{UserID: anna, Email: "anna@beta.example"})
	require.NoError(t, err)
	require.Equal(t, anna, same)

	inAlpha, err := db.Admit(ctx, tenancy.Actor{UserID: anna}, alpha)
	require.NoError(t, err)
	carl := uuid.New()
	require.NoError(t, accounts.AddUser(ctx, db, inAlpha, carl, "carl@alpha.example", "Carl", tenancy.RoleViewer))
	scope, err := db.Admit(ctx, tenancy.Actor{UserID: carl}, alpha)
	require.NoError(t, err)
	require.Equal(t, tenancy.RoleViewer, scope.Role())
	_, err = db.Admit(ctx, tenancy.Actor{UserID: carl}, beta)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	users, err := query.New(db.For(inAlpha)).ListUsers(ctx, alpha)
	require.NoError(t, err)
	require.Len(t, users, 2)
	require.Equal(t, "anna@alpha.example", users[0].Email, "the other tenant's account of the same person does not show")

	// Half of an account is none: the membership's bad role undoes the user.
	require.Error(t, accounts.AddUser(ctx, db, inAlpha, uuid.New(), "dora@alpha.example", "Dora", "Not A Role"))
	users, err = query.New(db.For(inAlpha)).ListUsers(ctx, alpha)
	require.NoError(t, err)
	require.Len(t, users, 2)

	for _, bad := range []struct {
		name  string
		owner accounts.Owner
	}{{" ", accounts.Owner{Email: "x@x.example"}}, {"Gamma", accounts.Owner{Email: "no address"}}, {"Gamma", accounts.Owner{}}} {
		_, _, err := create(bad.name, bad.owner)
		require.Error(t, err)
	}

	status := func(id tenancy.ID, s string) error {
		return run(func(ctx context.Context, c *crosstenant.Conn) error { return accounts.SetTenantStatus(ctx, c, id, s) })
	}
	require.NoError(t, status(alpha, "suspended"))
	_, err = db.Admit(ctx, tenancy.Actor{UserID: anna}, alpha)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	require.NoError(t, status(alpha, "active"))
	_, err = db.Admit(ctx, tenancy.Actor{UserID: anna}, alpha)
	require.NoError(t, err)
	require.Error(t, status(alpha, "nonsense"))
	require.ErrorContains(t, status(tenancy.NewID(), "active"), "there is no such tenant")
}
