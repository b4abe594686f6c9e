package accounts_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
	"github.com/watertight-go/watertight/tenancy/support"
)

// desk is a world with a team's table, two support people, and their database.
type desk struct {
	*world
	support   *tenancy.DB
	url       string
	sam, toni tenancy.Actor
}

const notes = "select body from app.notes where tenant_id = $1"

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{world: newWorld(t)}
	d.exec(t, "create schema app")
	d.exec(t, "create table app.notes (tenant_id uuid not null, id uuid not null default gen_random_uuid(), body text not null, api_token text, primary key (tenant_id, id))")
	d.exec(t, "select watertight.protect('app.notes')")
	for _, id := range []tenancy.ID{d.alpha, d.beta} {
		d.exec(t, "insert into app.notes (tenant_id, body, api_token) values ($1, 'note of ' || $2, 'CANARY-TOKEN')", id, id.String())
	}
	_, d.url = d.Login(t, "in role watertight_support")
	var err error
	d.support, err = support.Open(t.Context(), d.url, support.Config{Key: d.Key, Refused: d.refusals.Record})
	require.NoError(t, err)
	t.Cleanup(d.support.Close)
	for name, a := range map[string]*tenancy.Actor{"Sam": &d.sam, "Toni": &d.toni} {
		*a = tenancy.Actor{UserID: uuid.New(), Email: name + "@platform.example", Kind: tenancy.KindSupport, IP: visitor}
		require.NoError(t, d.sys.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
			return accounts.AddSupportPerson(ctx, c, accounts.SupportPerson{ID: a.UserID, Email: a.Email, Name: name})
		}))
	}
	return d
}

func (d *desk) grant(t *testing.T, mode accounts.SupportMode) uuid.UUID {
	t.Helper()
	id, _, err := accounts.GrantSupport(t.Context(), d.db, d.admit(t, d.anna, d.alpha), d.sam.UserID, mode, "our invoices are wrong", time.Hour)
	require.NoError(t, err)
	return id
}

func (d *desk) let(t *testing.T, grant uuid.UUID) tenancy.Scope {
	t.Helper()
	s, err := accounts.AdmitSupport(t.Context(), d.support, d.sam, d.alpha, grant)
	require.NoError(t, err)
	return s
}

func read(ctx context.Context, c *tenancy.Conn) ([]string, error) {
	rows, err := c.Query(ctx, notes, c.Tenant())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func requireDenied(t *testing.T, err error, constraint string) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "42501", pg.Code)
	if constraint != "" {
		require.Equal(t, constraint, pg.ConstraintName)
	}
}

// A grant lets one person into one tenant, and every statement is in that
// tenant's log with the grant, whatever became of the statement.
func TestSupportWorksUnderAGrantAndLeavesItsTrace(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	grant := d.grant(t, accounts.SupportWrite)
	s := d.let(t, grant)
	require.Equal(t, tenancy.KindSupport, s.Actor().Kind)

	list, err := read(ctx, d.support.For(s))
	require.NoError(t, err)
	require.Equal(t, []string{"note of " + d.alpha.String()}, list)
	_, err = d.support.For(s).Exec(ctx, "update app.notes set body = 'mended' where tenant_id = $1", d.alpha)
	require.NoError(t, err)

	// A read that is rolled back, and one that fails, have been recorded.
	undo := errors.New("undo")
	require.ErrorIs(t, d.support.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, "select 'rolled back' from app.notes where tenant_id = $1", d.alpha)
		require.NoError(t, err)
		return undo
	}), undo)
	_, err = d.support.For(s).Exec(ctx, "select 1 / 0, 'failed' from app.notes where tenant_id = $1", d.alpha)
	require.Error(t, err)

	events, err := accounts.SupportActivity(ctx, d.db, d.admit(t, d.anna, d.alpha), grant, 0, 100)
	require.NoError(t, err)
	var all string
	for _, e := range events {
		require.Equal(t, d.sam.Email, e.Person)
		require.Equal(t, visitor, e.IP)
		all += e.Action + " " + e.Entity + " " + string(e.Details) + "\n"
	}
	for _, want := range []string{"watertight.support_admitted", notes, "rolled back", "'failed'", "app.notes", "mended"} {
		require.Contains(t, all, want)
	}
	// Members do not see it, and Beta has none of it.
	_, err = accounts.SupportActivity(ctx, d.db, d.admit(t, d.carl, d.alpha), grant, 0, 100)
	require.ErrorIs(t, err, tenancy.ErrForbidden)
	none, err := accounts.SupportActivity(ctx, d.db, d.admit(t, d.bob, d.beta), grant, 0, 100)
	require.NoError(t, err)
	require.Empty(t, none)

	people, err := accounts.SupportPeople(ctx, d.db, d.admit(t, d.anna, d.alpha))
	require.NoError(t, err)
	require.Len(t, people, 2)
	grants, err := accounts.SupportGrants(ctx, d.db, d.admit(t, d.anna, d.alpha))
	require.NoError(t, err)
	require.Len(t, grants, 1)
	require.Equal(t, d.anna.UserID, grants[0].By)
}

// Each line is the same call as the control's, with one thing wrong.
func TestSupportIsRefusedWithoutALiveGrant(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	grant := d.grant(t, accounts.SupportRead)
	admitted := func(a tenancy.Actor, in tenancy.ID, grant uuid.UUID) error {
		_, err := accounts.AdmitSupport(ctx, d.support, a, in, grant)
		return err
	}
	require.NoError(t, admitted(d.sam, d.alpha, grant), "control")
	require.ErrorIs(t, admitted(d.toni, d.alpha, grant), tenancy.ErrNotAdmitted, "another person")
	require.ErrorIs(t, admitted(d.sam, d.beta, grant), tenancy.ErrNotAdmitted, "another tenant")
	require.ErrorIs(t, admitted(d.sam, d.alpha, uuid.New()), tenancy.ErrNotAdmitted, "another grant")
	require.ErrorIs(t, admitted(d.sam, d.alpha, uuid.Nil), tenancy.ErrNotAdmitted, "no grant")
	user := d.sam
	user.Kind = tenancy.KindUser
	require.ErrorIs(t, admitted(user, d.alpha, grant), tenancy.ErrNotAdmitted, "not as support")
	_, err := accounts.AdmitSupport(ctx, d.db, d.sam, d.alpha, grant)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted, "on the application's database role")
	_, err = d.support.Admit(ctx, d.anna, d.alpha)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted, "a member, on the support role")
	_, err = d.db.Admit(ctx, d.sam, d.alpha)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted, "without a grant")

	_, err = support.Open(ctx, d.AppURL, support.Config{Key: d.Key})
	require.ErrorIs(t, err, tenancy.ErrUnsafeRole)
	_, err = tenancy.Open(ctx, d.url, tenancy.Config{Key: d.Key, Registry: accounts.Registry{}})
	require.ErrorIs(t, err, tenancy.ErrUnsafeRole)
	forged, err := tenancy.NewContextKey()
	require.NoError(t, err)
	other, err := support.Open(ctx, d.url, support.Config{Key: forged})
	require.NoError(t, err)
	defer other.Close()
	_, err = accounts.AdmitSupport(ctx, other, d.sam, d.alpha, grant)
	require.ErrorIs(t, err, tenancy.ErrContextInvalid)

	s := d.let(t, grant)
	require.NoError(t, d.sys.Run(ctx, tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
		return accounts.SetSupportPersonActive(ctx, c, d.sam.UserID, false)
	}))
	_, err = read(ctx, d.support.For(s))
	requireDenied(t, err, "watertight_support_grant")
	d.exec(t, "update watertight.support_staff set active = true")
	_, err = read(ctx, d.support.For(s))
	require.NoError(t, err, "control")
	d.exec(t, "set session_replication_role = replica")
	d.exec(t, "alter table watertight.support_grants disable trigger guard")
	d.exec(t, "update watertight.support_grants set created_at = now() - interval '2 hours', expires_at = now() - interval '1 second'")
	_, err = read(ctx, d.support.For(s))
	requireDenied(t, err, "watertight_support_grant")
}

// The role's own policies end the access, not only the record before the
// statement: the second half goes to the database past the handle.
func TestSupportRevokedInTheMiddleOfATransaction(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	grant := d.grant(t, accounts.SupportRead)
	s := d.let(t, grant)
	owner := d.admit(t, d.anna, d.alpha)
	err := d.support.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
		list, err := read(ctx, c)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.NoError(t, accounts.RevokeSupport(t.Context(), d.db, owner, grant))
		_, err = read(ctx, c)
		return err
	})
	requireDenied(t, err, "watertight_support_grant")
	require.ErrorIs(t, accounts.RevokeSupport(ctx, d.db, owner, grant), accounts.ErrSupportGrant, "once")

	// The same with the record switched off: the policies end it as well.
	d.exec(t, "create or replace function watertight.support_statement(statement text) returns void language plpgsql security definer as 'begin end'")
	grant = d.grant(t, accounts.SupportWrite)
	s = d.let(t, grant)
	err = d.support.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, "insert into app.notes (tenant_id, body) values ($1, 'x')", d.alpha)
		require.NoError(t, err, "control")
		d.exec(t, "alter table watertight.support_grants disable trigger guard")
		d.exec(t, "update watertight.support_grants set mode = 'read' where id = $1", grant)
		d.exec(t, "alter table watertight.support_grants enable always trigger guard")
		require.NoError(t, c.Savepoint(ctx, func(ctx context.Context, c *tenancy.Conn) error {
			_, err := read(ctx, c)
			return err
		}), "control")
		_, err = c.Exec(ctx, "insert into app.notes (tenant_id, body) values ($1, 'y')", d.alpha)
		return err
	})
	requireDenied(t, err, "watertight_support_grant")
	err = d.support.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := read(ctx, c)
		require.NoError(t, err, "control")
		require.NoError(t, accounts.RevokeSupport(t.Context(), d.db, owner, grant))
		_, err = read(ctx, c)
		return err
	})
	requireDenied(t, err, "watertight_support_grant")

	// A snapshot from before the revocation would hide it.
	separator := "?"
	if strings.Contains(d.url, "?") {
		separator = "&"
	}
	old, err := support.Open(ctx, d.url+separator+"default_transaction_isolation=repeatable%20read", support.Config{Key: d.Key})
	require.NoError(t, err)
	defer old.Close()
	_, err = accounts.AdmitSupport(ctx, old, d.sam, d.alpha, d.grant(t, accounts.SupportRead))
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
}

// Nobody but the tenant's owner and admins makes a grant, and nobody changes one.
func TestSupportGrantsAreTheTenantsOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	owner := d.admit(t, d.anna, d.alpha)
	make := func(s tenancy.Scope, life time.Duration) error {
		_, _, err := accounts.GrantSupport(ctx, d.db, s, d.sam.UserID, accounts.SupportWrite, "our invoices are wrong", life)
		return err
	}
	require.NoError(t, make(owner, accounts.MaxSupportGrant), "control")
	require.ErrorContains(t, make(owner, 73*time.Hour), "cannot last")
	require.ErrorIs(t, make(d.admit(t, d.carl, d.alpha), time.Hour), tenancy.ErrForbidden)
	job, err := d.db.AdmitJob(ctx, d.alpha, "nightly")
	require.NoError(t, err)
	require.ErrorIs(t, make(job, time.Hour), tenancy.ErrForbidden)

	// As SQL, so that only the database is asked.
	const insert = "insert into watertight.support_grants (tenant_id, id, staff_id, mode, reason, granted_by, expires_at) values ($1, gen_random_uuid(), $2, 'write', 'because I want it', $3, now() + $4::int * interval '1 hour')"
	sql := func(s tenancy.Scope, in tenancy.ID, hours int) error {
		_, err := d.db.For(s).Exec(ctx, insert, in, d.sam.UserID, d.anna.UserID, hours)
		return err
	}
	require.NoError(t, sql(owner, d.alpha, 72), "control")
	var pg *pgconn.PgError
	require.ErrorAs(t, sql(owner, d.alpha, 73), &pg)
	require.Equal(t, "at_most_72_hours", pg.ConstraintName)
	requireDenied(t, sql(d.admit(t, d.carl, d.alpha), d.alpha, 1), "watertight_support_grant")
	requireDenied(t, sql(job, d.alpha, 1), "watertight_support_grant")
	for _, change := range []string{"expires_at = expires_at + interval '1 hour'", "mode = 'write'", "staff_id = granted_by", "created_at = now()"} {
		_, err := d.db.For(owner).Exec(ctx, "update watertight.support_grants set "+change+" where tenant_id = $1", d.alpha)
		requireDenied(t, err, "")
	}
	_, err = d.db.For(owner).Exec(ctx, "delete from watertight.support_grants where tenant_id = $1", d.alpha)
	requireDenied(t, err, "")

	// Support itself, with a grant for writing, does none of it, sees no
	// credential, and gives itself no place in the tenant.
	c := d.support.For(d.let(t, d.grant(t, accounts.SupportWrite)))
	_, err = c.Exec(ctx, "select id, email from watertight.users where tenant_id = $1", d.alpha)
	require.NoError(t, err, "control")
	_, err = c.Exec(ctx, "select body from app.notes where tenant_id = $1", d.alpha)
	require.NoError(t, err, "control")
	_, err = c.Exec(ctx, insert, d.alpha, d.sam.UserID, d.anna.UserID, 1)
	requireDenied(t, err, "")
	for _, attack := range []string{
		"update watertight.support_grants set revoked_at = null where tenant_id = $1",
		"select * from watertight.support_grants where tenant_id = $1",
		"insert into watertight.memberships (tenant_id, user_id, role) values ($1, gen_random_uuid(), 'owner')",
		"update watertight.memberships set role = 'owner' where tenant_id = $1",
		"select password_hash from watertight.users where tenant_id = $1",
		"select access_token from watertight.calendar_connections where tenant_id = $1",
		"select hash from watertight.api_keys where tenant_id = $1",
		"select turn_hash from watertight.sessions where tenant_id = $1",
		"select wrapped from watertight.tenant_keys where tenant_id = $1",
		"select api_token from app.notes where tenant_id = $1",
		"select * from app.notes where tenant_id = $1",
	} {
		_, err := c.Exec(ctx, attack, d.alpha)
		requireDenied(t, err, "")
	}
	d.exec(t, "select watertight.audit_columns('app.notes', 'mask', 'body')")
	_, err = c.Exec(ctx, "select body from app.notes where tenant_id = $1", d.alpha)
	requireDenied(t, err, "")
}
