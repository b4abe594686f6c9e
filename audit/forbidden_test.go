package audit_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// A query refused to a role stands in the tenant's log: who, which query, in
// which role; also when the role could write nothing itself, and when the
// transaction that it was refused in is rolled back.
func TestForbiddenQueriesAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for _, role := range []tenancy.Role{tenancy.RoleMember, tenancy.RoleViewer} {
		s, err := unverified.Scope(w.db, w.anna, w.a, role)
		require.NoError(t, err)
		err = w.db.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
			_, err := query.New(c).RemoveUser(ctx, w.a, w.anna.UserID)
			return err
		})
		require.ErrorIs(t, err, tenancy.ErrForbidden)
	}
	events := w.events(t, w.asA(t), audit.Filter{Action: "forbidden"})
	require.Len(t, events, 2)
	for i, role := range []string{"member", "viewer"} {
		e := events[i]
		require.Equal(t, w.anna.UserID.String(), *e.ActorID)
		require.Equal(t, w.anna.Email, *e.ActorEmail)
		require.Equal(t, w.anna.IP, e.IP.Addr())
		require.Equal(t, "query", *e.Entity)
		require.Equal(t, "RemoveUser", *e.EntityID)
		require.JSONEq(t, `{"role":"`+role+`"}`, *e.Diff)
	}
	require.Empty(t, w.events(t, w.asB(t), audit.Filter{Action: "forbidden"}), "and in no other tenant's")
	require.Zero(t, w.refusals.Dropped())

	// The record of a refusal is nobody's to write.
	require.ErrorIs(t, query.New(w.asA(t)).AuditRefused(ctx, w.a, w.anna.UserID), tenancy.ErrForbidden)
}

// What a viewer reads can be recorded although he can write nothing.
func TestAViewersReadIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	s, err := unverified.Scope(w.db, w.anna, w.a, tenancy.RoleViewer)
	require.NoError(t, err)
	require.NoError(t, audit.Log(ctx, w.db.For(s), "contact.read", "contact", "1", nil))
	err = w.db.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
		if err := audit.Log(ctx, c, "contact.exported", "contact", "2", nil); err != nil {
			return err
		}
		_, err := c.Exec(ctx, "insert into app.contacts (tenant_id, id) values ($1, 9)", w.a)
		return err
	})
	require.ErrorContains(t, err, "read-only transaction", "and nothing else becomes writable by it")
	require.Len(t, w.events(t, w.asA(t), audit.Filter{Action: "contact.read"}), 1)
	require.Len(t, w.events(t, w.asA(t), audit.Filter{Action: "contact.exported"}), 1)

	// He may not read the log himself.
	_, _, err = audit.Events(ctx, w.db.For(s), audit.Filter{})
	require.ErrorIs(t, err, tenancy.ErrForbidden)
}
