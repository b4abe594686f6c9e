package accounts_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/tenancy"
)

func TestRemoveUserTakesEverythingOfTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	owner := w.admit(t, w.anna, w.alpha)
	require.NoError(t, accounts.AddUser(ctx, w.db, w.admit(t, w.bob, w.beta), w.carl.UserID, w.carl.Email, "Carl", tenancy.RoleMember))
	w.exec(t, "insert into watertight.sessions (tenant_id, id, user_id, family_hash, turn_hash, expires_at) values ($1, gen_random_uuid(), $2, $3, $3, now() + interval '1 hour')",
		w.alpha, w.carl.UserID, make([]byte, 32))
	w.exec(t, "insert into watertight.calendar_connections (tenant_id, id, user_id, provider, account, refresh_token) values ($1, gen_random_uuid(), $2, 'google', 'carl', $3)",
		w.alpha, w.carl.UserID, append([]byte{1, 0, 0, 0, 1}, make([]byte, 80)...))
	left := func(in tenancy.ID) (n int) {
		require.NoError(t, w.admin.QueryRow(ctx, `select
			(select count(*) from watertight.users where tenant_id = $1 and id = $2)
			+ (select count(*) from watertight.memberships where tenant_id = $1 and user_id = $2)
			+ (select count(*) from watertight.sessions where tenant_id = $1 and user_id = $2)
			+ (select count(*) from watertight.calendar_connections where tenant_id = $1 and user_id = $2)`, in, w.carl.UserID).Scan(&n))
		return n
	}
	require.Equal(t, 4, left(w.alpha))

	require.ErrorIs(t, accounts.RemoveUser(ctx, w.db, w.admit(t, w.vera, w.alpha), w.carl.UserID), tenancy.ErrForbidden)
	require.ErrorIs(t, accounts.RemoveUser(ctx, w.db, owner, uuid.New()), accounts.ErrNoUser)
	w.exec(t, "update watertight.memberships set role = 'admin' where user_id = $1", w.vera.UserID)
	admin := w.admit(t, w.vera, w.alpha)
	require.ErrorIs(t, accounts.RemoveUser(ctx, w.db, admin, w.anna.UserID), accounts.ErrNoUser, "an admin does not remove an owner")
	require.Equal(t, 4, left(w.alpha))

	require.NoError(t, accounts.RemoveUser(ctx, w.db, admin, w.carl.UserID))
	require.Zero(t, left(w.alpha))
	require.Equal(t, 2, left(w.beta), "his other account stays")
	require.ErrorIs(t, accounts.RemoveUser(ctx, w.db, admin, w.carl.UserID), accounts.ErrNoUser)
	_, err := w.db.Admit(ctx, w.carl, w.alpha)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	var events int
	require.NoError(t, w.admin.QueryRow(ctx, "select count(distinct entity) from watertight.audit_event where tenant_id = $1 and op = 'd' and actor_id = $2", w.alpha, w.vera.UserID.String()).Scan(&events))
	require.Equal(t, 4, events)
}
