package tenancy_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

func TestAccountsAreBoundToTheirTenant(t *testing.T) {
	t.Parallel()
	var refused []tenancy.Refusal
	w := newWorld(t, func(c *tenancy.Config) {
		c.Refused = func(_ context.Context, r tenancy.Refusal) { refused = append(refused, r) }
	})
	s, err := w.db.Admit(t.Context(), w.anna, w.a)
	require.NoError(t, err, "positive control")
	require.Equal(t, w.a, s.Tenant())
	require.Equal(t, tenancy.RoleOwner, s.Role())
	require.Equal(t, w.anna, s.Actor())
	require.Empty(t, refused)

	nobody := tenancy.Actor{UserID: uuid.New(), Email: "nobody@example"}
	for _, c := range []struct {
		actor  tenancy.Actor
		tenant tenancy.ID
	}{
		{w.anna, w.b},
		{w.bob, w.a},
		{nobody, w.a},
		{w.anna, tenancy.NewID()},
		{tenancy.Actor{Email: w.anna.Email}, w.a},
		{tenancy.Actor{UserID: w.anna.UserID, Kind: tenancy.KindJob}, w.a},
	} {
		refused = nil
		s, err := w.db.Admit(t.Context(), c.actor, c.tenant)
		require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
		require.True(t, s.IsZero())
		require.Equal(t, []tenancy.Refusal{{Actor: c.actor, Tenant: c.tenant, Err: tenancy.ErrNotAdmitted}}, refused)
	}
	_, unknown := w.db.Admit(t.Context(), w.anna, tenancy.NewID())
	_, foreign := w.db.Admit(t.Context(), w.anna, w.b)
	require.Equal(t, unknown.Error(), foreign.Error(), "the answer does not tell whether the tenant exists")
}

func TestSuspensionEndsAdmission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, change := range []struct{ off, on string }{
		{"update watertight.tenants set status = 'suspended' where id = $1", "update watertight.tenants set status = 'active' where id = $1"},
		{"update watertight.memberships set status = 'suspended' where tenant_id = $1", "update watertight.memberships set status = 'active' where tenant_id = $1"},
	} {
		_, err := w.admin.Exec(t.Context(), change.off, w.a)
		require.NoError(t, err)
		_, err = w.db.Admit(t.Context(), w.anna, w.a)
		require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
		_, err = w.db.Admit(t.Context(), w.bob, w.b)
		require.NoError(t, err, "the other tenant does not notice")
		_, err = w.admin.Exec(t.Context(), change.on, w.a)
		require.NoError(t, err)
		_, err = w.db.Admit(t.Context(), w.anna, w.a)
		require.NoError(t, err)
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, err := w.db.AdmitJob(t.Context(), w.a, "nightly")
	require.NoError(t, err)
	require.Equal(t, tenancy.KindJob, s.Actor().Kind)
	require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), w.db.For(s)))
	_, err = w.db.AdmitJob(t.Context(), tenancy.NewID(), "nightly")
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = w.db.AdmitJob(t.Context(), w.a, "")
	require.ErrorContains(t, err, "no name")

	seen := map[tenancy.ID]int{}
	boom := errors.New("boom")
	err = w.db.EachTenant(t.Context(), "nightly", func(ctx context.Context, s tenancy.Scope, c *tenancy.Conn) error {
		require.Equal(t, []tenancy.ID{s.Tenant()}, tenantsSeen(t, ctx, c))
		seen[s.Tenant()]++
		if s.Tenant() == w.a {
			return boom
		}
		return nil
	})
	require.ErrorIs(t, err, boom)
	require.ErrorContains(t, err, w.a.String())
	require.NotContains(t, err.Error(), w.b.String())
	require.Equal(t, map[tenancy.ID]int{w.a: 1, w.b: 1}, seen, "the error of one does not keep the other from its turn")

	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err = w.db.EachTenant(ctx, "nightly", func(context.Context, tenancy.Scope, *tenancy.Conn) error { calls++; cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, calls)
}

func TestUnverifiedScopeIsStillOneTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, err := unverified.Scope(w.db, w.bob, w.a, tenancy.RoleViewer)
	require.NoError(t, err)
	require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), w.db.For(s)))
	_, err = unverified.Scope(w.db, w.bob, tenancy.ID{}, tenancy.RoleViewer)
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	_, err = unverified.Scope(w.db, w.bob, w.a, "Not A Role")
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = unverified.Scope(nil, w.bob, w.a, tenancy.RoleViewer)
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
}

// recorder keeps events, or refuses.
type recorder struct {
	events []crosstenant.Event
	err    error
}

func (r *recorder) Record(_ context.Context, _ *crosstenant.Conn, e crosstenant.Event) error {
	r.events = append(r.events, e)
	return r.err
}

func TestCrossTenantWorkStatesItsReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	record := &recorder{}
	sys, err := crosstenant.Open(t.Context(), w.systemURL, crosstenant.Config{Key: w.Key, Record: record, Binding: w.binding})
	require.NoError(t, err)
	t.Cleanup(sys.Close)
	ops := tenancy.Actor{Email: "ops@example"}

	var n int
	err = sys.Run(t.Context(), ops, "count tenants", func(ctx context.Context, c *crosstenant.Conn) error {
		return c.QueryRow(ctx, "select count(distinct tenant_id) from app.notes where tenant_id = any ($1)", []tenancy.ID{w.a, w.b}).Scan(&n)
	})
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Len(t, record.events, 1)
	require.Equal(t, "count tenants", record.events[0].Reason)

	nothing := func(context.Context, *crosstenant.Conn) error { t.Error("ran"); return nil }
	require.ErrorContains(t, sys.Run(t.Context(), ops, " ", nothing), "no reason")
	require.ErrorContains(t, sys.Run(t.Context(), tenancy.Actor{}, "why", nothing), "no actor")
	record.err = errors.New("the recorder refuses")
	require.ErrorIs(t, sys.Run(t.Context(), ops, "why", nothing), record.err)
	_, err = crosstenant.Open(t.Context(), w.systemURL, crosstenant.Config{Key: w.Key})
	require.ErrorContains(t, err, "Record is nil")

	// The role alone opens nothing, nor does the application's role with such a
	// context, nor the system role with a tenant's.
	conn, err := w.System(t).Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "select 1 from app.notes where $1", true)
	requireRefused(t, err, "watertight_context_missing")
	_, err = crosstenant.Open(t.Context(), w.url, crosstenant.Config{Key: w.Key, Record: record, Binding: w.binding})
	require.ErrorIs(t, err, tenancy.ErrUnsafeRole)
	_, err = tenancy.Open(t.Context(), w.systemURL, w.config())
	require.ErrorIs(t, err, tenancy.ErrUnsafeRole)
	var zero crosstenant.Conn
	_, err = zero.Exec(t.Context(), "select 1")
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
}
