package enforcement

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// B4: the identifier is hard-bound to each user account; the user cannot change
// it or detach the session from it.
func TestB04TheAccountCannotLeaveItsTenant(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()

	// Anna's handle is in Alpha. What SQL she might get into a statement:
	for _, sql := range []string{
		"select set_config('watertight.context', '', true), title from app.documents",
		"select watertight.enter('w1.made.up')::text, title from app.documents",
		"update watertight.users set tenant_id = '" + o.beta.String() + "'",
		"insert into watertight.memberships (tenant_id, user_id, role) values ('" + o.beta.String() + "', '" + o.anna.UserID.String() + "', 'owner')",
	} {
		_, err := o.asAnna(t).Exec(ctx, sql)
		requireDenied(t, err)
	}
	// Commands that would change the session are not carried at all.
	for _, sql := range []string{"set role watertight_owner", "reset all", "commit", "discard all"} {
		_, err := o.asAnna(t).Exec(ctx, sql)
		require.ErrorIs(t, err, tenancy.ErrStatement)
	}

	// In the middle of Anna's transaction no other tenant can be entered.
	anna, err := o.db.Admit(ctx, o.anna, o.alpha)
	require.NoError(t, err)
	bob, err := o.db.Admit(ctx, o.bob, o.beta)
	require.NoError(t, err)
	err = o.db.Tx(ctx, anna, func(ctx context.Context, c *tenancy.Conn) error {
		require.ErrorIs(t, o.db.Tx(ctx, bob, nil), tenancy.ErrTenantMismatch)
		// The control: her own tenant is still there.
		require.Equal(t, []string{"Alpha's secret"}, titles(t, c, "select title from app.documents"))
		return nil
	})
	require.NoError(t, err)

	// A connection that carries no account sees nothing at all.
	conn, err := pgx.Connect(ctx, o.AppURL)
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "select title from app.documents where $1", true)
	requireDenied(t, err)
}
