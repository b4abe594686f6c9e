package enforcement

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/lint"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// C3: roles give customers granular permissions.
//
// Which role may run a query is written beside the query, and the handle
// refuses it to others before anything is sent.
func TestC03AQueryIsRefusedToOtherRoles(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	as := func(role tenancy.Role) *query.Queries {
		scope, err := unverified.Scope(o.db, o.anna, o.alpha, role)
		require.NoError(t, err)
		return query.New(o.db.For(scope))
	}
	carl := uuid.New()
	require.NoError(t, as("admin").AddUser(ctx, o.alpha, carl, "carl@alpha.example", "Carl"), "the control: an admin adds people")
	for _, role := range []tenancy.Role{"member", "viewer", "receptionist"} {
		err := as(role).AddUser(ctx, o.alpha, uuid.New(), "dora@alpha.example", "Dora")
		require.ErrorIs(t, err, tenancy.ErrForbidden, role)
		_, err = as(role).ListUsers(ctx, o.alpha)
		require.NoError(t, err, "the control: who is there, everybody may see")
	}
}

// Nobody raises himself: a member cannot change a membership, and an admin
// makes no owner.
func TestC03NobodyRaisesHimself(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	carl := tenancy.Actor{UserID: uuid.New(), Email: "carl@alpha.example"}
	owner := query.New(o.asAnna(t))
	require.NoError(t, owner.AddUser(ctx, o.alpha, carl.UserID, carl.Email, "Carl"))
	for _, start := range []tenancy.Role{tenancy.RoleViewer, tenancy.RoleMember, tenancy.RoleAdmin} {
		require.NoError(t, owner.SetMembership(ctx, o.alpha, carl.UserID, string(start), "active"))
		c := query.New(o.in(t, carl, o.alpha))
		for _, attempt := range []func() error{
			func() error { return c.SetMembership(ctx, o.alpha, carl.UserID, "owner", "active") },
			func() error { _, err := c.AddMembership(ctx, o.alpha, carl.UserID, "owner"); return err },
			func() error { _, err := c.ChangeMembership(ctx, o.alpha, carl.UserID, "owner", "active"); return err },
		} {
			if err := attempt(); start != tenancy.RoleAdmin {
				require.ErrorIs(t, err, tenancy.ErrForbidden)
			}
		}
		scope, err := o.db.Admit(ctx, carl, o.alpha)
		require.NoError(t, err)
		require.Equal(t, start, scope.Role(), "after all attempts he is what he was")
	}
}

// A viewer's transaction is read-only in Postgres: no text of any kind writes.
func TestC03AViewerWritesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	write := func(role tenancy.Role) error {
		scope, err := unverified.Scope(o.db, o.anna, o.alpha, role)
		require.NoError(t, err)
		c := o.db.For(scope)
		require.Len(t, titles(t, c, "select title from app.documents"), 1, "the control: the role reads")
		_, err = c.Exec(t.Context(), "update app.documents set title = 'changed' where tenant_id = $1", o.alpha)
		return err
	}
	require.ErrorContains(t, write(tenancy.RoleViewer), "read-only transaction")
	require.NoError(t, write(tenancy.RoleMember), "the control: a member writes")
}

// A misspelt role or a forgotten line cannot come into being: no code is
// generated for it.
func TestC03ARoleThatNobodyHasIsRefused(t *testing.T) {
	t.Parallel()
	tables, err := lint.ReadSchema([]string{"../schema/migrations"})
	require.NoError(t, err)
	text, err := os.ReadFile("../query/accounts.sql")
	require.NoError(t, err)
	check := func(sql string) []lint.Finding {
		report, err := lint.Check(tables, []lint.File{{Name: "accounts.sql", SQL: sql}}, lint.Options{})
		require.NoError(t, err)
		return report.Findings
	}
	require.Empty(t, check(string(text)), "the control: the queries as they are")
	lines := regexp.MustCompile(`(?m)^-- watertight:.*$`).FindAllString(string(text), -1)
	require.Greater(t, len(lines), 4)
	for _, line := range lines {
		for _, broken := range []string{line + " ownr", strings.Replace(line, "roles", "role", 1)} {
			require.NotEmpty(t, check(strings.Replace(string(text), line, broken, 1)), broken)
		}
	}
}
