package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

const (
	addContact    = "-- name: AddContact :exec\ninsert into app.contacts (tenant_id, id, name) values ($1, $2, $3)"
	renameContact = "-- name: RenameContact :exec\nupdate app.contacts set name = $3 where tenant_id = $1 and id = $2"
	removeContact = "-- name: RemoveContact :exec\ndelete from app.contacts where tenant_id = $1 and id = $2"
)

func diffs(events []audit.Event) []string {
	var list []string
	for _, e := range events {
		d := "null"
		if e.Diff != nil {
			d = *e.Diff
		}
		list = append(list, d)
	}
	return list
}

func TestEveryChangeLeavesAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.asA(t), t.Context()
	before := time.Now().Add(-time.Minute)
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{addContact, []any{w.a, 1, "Zoë \"Q\""}},
		{renameContact, []any{w.a, 1, "Zoe"}},
		{removeContact, []any{w.a, 1}},
	} {
		_, err := c.Exec(ctx, s.sql, s.args...)
		require.NoError(t, err)
	}
	events := w.events(t, c, audit.Filter{Entity: "app.contacts"})
	require.Len(t, events, 3)
	require.Equal(t, []string{
		`{"name":[null,"Zoë \"Q\""],"visits":[null,0],"tags":[null,[]]}`,
		`{"name":["Zoë \"Q\"","Zoe"]}`,
		`{"name":["Zoe",null],"visits":[0,null],"tags":[[],null]}`,
	}, diffs(events))
	for i, want := range []struct{ op, action string }{{"i", "AddContact"}, {"u", "RenameContact"}, {"d", "RemoveContact"}} {
		e := events[i]
		require.Equal(t, want.op, *e.Op)
		require.Equal(t, want.action, e.Action)
		require.Equal(t, w.a.UUID(), e.Tenant)
		require.Equal(t, w.anna.UserID.String(), *e.ActorID)
		require.Equal(t, "anna@alpha.example", *e.ActorEmail)
		require.Equal(t, "user", e.ActorKind)
		require.Equal(t, "203.0.113.7/32", e.IP.String())
		require.Equal(t, "v1.2.3", e.AppVersion)
		require.Equal(t, "req-1", *e.RequestID)
		require.Equal(t, "1", *e.EntityID)
		require.True(t, e.At.After(before) && e.At.Before(time.Now().Add(time.Minute)))
		require.Nil(t, e.Query, "the same as the action")
	}
	require.Equal(t, [2]any{"Zoë \"Q\"", "Zoe"}, events[1].Changes()["name"])
}

// A type whose = is true for different bytes must not hide a change.
func TestDiffIsMinimalAndExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.asA(t), t.Context()
	run := func(set string) {
		t.Helper()
		_, err := c.Exec(ctx, "update app.contacts set "+set+" where tenant_id = $1", w.a)
		require.NoError(t, err)
	}
	_, err := c.Exec(ctx, "insert into app.contacts (tenant_id, id, rate, iban, password_hash, avatar) values ($1, 7, 1.0, 'PL61', 'x', '\\x01')", w.a)
	require.NoError(t, err)
	run("visits = visits")            // nothing changes: no event
	run("rate = 1.00")                // equal, and yet another value
	run("tags = '{a,b}', visits = 2") // two columns
	run("iban = 'PL62'")              // masked by the team
	run("password_hash = null")       // masked by its name
	run("avatar = '\\x02'")           // masked by its type
	run("sealed = '\\x0102'")         // left out: a sweep of sealed values
	_, err = c.Exec(ctx, "insert into app.calls (tenant_id, id, contact) values ($1, 1, 7)", w.a)
	require.NoError(t, err)
	_, err = c.Exec(ctx, removeContact, w.a, 7)
	require.NoError(t, err)

	require.Equal(t, []string{
		`{"name":[null,""],"visits":[null,0],"rate":[null,1.0],"tags":[null,[]],"iban":[null,"***"],"password_hash":[null,"***"],"avatar":[null,"***"]}`,
		`{"rate":[1.0,1.00]}`,
		`{"visits":[0,2],"tags":[[],["a","b"]]}`,
		`{"iban":["***","***"]}`,
		`{"password_hash":["***",null]}`,
		`{"avatar":["***","***"]}`,
		`{"name":["",null],"visits":[2,null],"rate":[1.00,null],"tags":[["a","b"],null],"iban":["***",null],"avatar":["***",null]}`,
	}, diffs(w.events(t, c, audit.Filter{Entity: "app.contacts"})))
	require.Equal(t, []string{`{"contact":[null,7]}`, `{"contact":[7,null]}`},
		diffs(w.events(t, c, audit.Filter{Entity: "app.calls"})), "the cascade is a change as well")
}

// Inside a Tx the signed action is that of the first statement; the label tells
// the statements apart. An injection can only lie about its own statement.
func TestActionsInsideATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scope := w.admit(t, w.anna, w.a)
	add := func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, addContact, w.a, 1, "x")
		if err == nil {
			_, err = c.Exec(ctx, renameContact, w.a, 1, "y")
		}
		return err
	}
	require.NoError(t, w.db.Tx(t.Context(), scope, add))
	require.NoError(t, w.db.Tx(tenancy.WithAction(t.Context(), "import"), scope, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, removeContact, w.a, 1)
		return err
	}))
	events := w.events(t, w.asA(t), audit.Filter{Entity: "app.contacts"})
	require.Len(t, events, 3)
	require.Equal(t, "AddContact", events[0].Action)
	require.Equal(t, "AddContact", events[1].Action)
	require.Equal(t, "RenameContact", *events[1].Query)
	require.Equal(t, "import", events[2].Action)
	require.Equal(t, "RemoveContact", *events[2].Query)
	require.Equal(t, events[0].XID, events[1].XID)
}

// No event without its change, and no change without its event.
func TestEventsStandAndFallWithTheirChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, scope := t.Context(), w.admit(t, w.anna, w.a)
	boom := errors.New("boom")

	err := w.db.Tx(ctx, scope, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, addContact, w.a, 1, "rolled back")
		require.NoError(t, err)
		return boom
	})
	require.ErrorIs(t, err, boom)

	err = w.db.Tx(ctx, scope, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, addContact, w.a, 2, "kept")
		require.NoError(t, err)
		err = c.Savepoint(ctx, func(ctx context.Context, c *tenancy.Conn) error {
			_, err := c.Exec(ctx, addContact, w.a, 3, "undone")
			require.NoError(t, err)
			return boom
		})
		require.ErrorIs(t, err, boom)
		require.NoError(t, audit.Log(ctx, c, "contact.called", "contact", "2", map[string]any{"minutes": 3}))
		return nil
	})
	require.NoError(t, err)

	// A client that is killed between its write and its commit.
	cut, cancel := context.WithCancel(ctx)
	err = w.db.Tx(cut, scope, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, addContact, w.a, 4, "killed")
		require.NoError(t, err)
		require.Equal(t, true, scan[bool](t, w, `select bool_and(pg_terminate_backend(pid)) from pg_stat_activity
			where datname = current_database() and state = 'idle in transaction'`))
		cancel()
		return nil
	})
	require.Error(t, err)
	cancel()

	var rows []string
	require.Equal(t, "2", scan[string](t, w, "select string_agg(id::text, ',') from app.contacts"))
	for _, e := range w.events(t, w.asA(t), audit.Filter{}) {
		if e.EntityID != nil && e.Entity != nil && *e.Entity != "watertight.users" && *e.Entity != "watertight.tenants" && *e.Entity != "watertight.memberships" {
			rows = append(rows, e.Action+" "+*e.EntityID)
		}
	}
	require.Equal(t, []string{"AddContact 2", "contact.called 2"}, rows)
}

// A row that was copied in bulk is a change like any other.
func TestBulkChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.asA(t)
	n, err := c.CopyFrom(t.Context(), pgx.Identifier{"app", "contacts"}, []string{"tenant_id", "id", "name"},
		pgx.CopyFromSlice(1500, func(i int) ([]any, error) { return []any{w.a, int64(i), "n"}, nil }))
	require.NoError(t, err)
	require.EqualValues(t, 1500, n)
	_, err = c.Exec(t.Context(), "update app.contacts set visits = visits + 1 where tenant_id = $1", w.a)
	require.NoError(t, err)
	events := w.events(t, c, audit.Filter{Entity: "app.contacts", PageSize: 1000})
	require.Len(t, events, 3000, "three pages, no event twice")
	ids := map[int64]bool{}
	for _, e := range events {
		ids[e.ID] = true
	}
	require.Len(t, ids, 3000)
	history, next, err := audit.Events(t.Context(), c, audit.Filter{Entity: "app.contacts", EntityID: "77"})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Len(t, history, 2)
}

func TestJobsAndCrossTenantWorkAlwaysLeaveAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.db.AdmitJob(ctx, w.a, "nightly report")
	require.NoError(t, err)
	require.NoError(t, w.db.EachTenant(ctx, "count", func(context.Context, tenancy.Scope, *tenancy.Conn) error { return nil }))
	jobs := w.events(t, w.asA(t), audit.Filter{Action: "watertight.job"})
	require.Len(t, jobs, 2)
	require.Equal(t, "nightly report", *jobs[0].ActorEmail)
	require.Equal(t, "job", jobs[0].ActorKind)
	require.Equal(t, "count", *jobs[1].ActorEmail)

	// The record is committed before the work, so rolling back hides nothing.
	boom := errors.New("boom")
	err = w.system(t).Run(ctx, tenancy.Actor{Email: "olga@ops.example"}, "look for duplicates", func(ctx context.Context, c *crosstenant.Conn) error {
		_, err := c.Exec(ctx, "update app.contacts set visits = 9")
		require.NoError(t, err)
		return boom
	})
	require.ErrorIs(t, err, boom)
	require.Equal(t, "system olga@ops.example look for duplicates v1.2.3", scan[string](t, w, `select concat_ws(' ', actor_kind, actor_email, reason, app_version)
		from watertight.audit_event where tenant_id = $1 and action = 'watertight.crosstenant'`, audit.Platform.String()))

	// What it writes stands in the tenant's own log, with the reason.
	_, err = w.asA(t).Exec(ctx, addContact, w.a, 1, "x")
	require.NoError(t, err)
	err = w.system(t).Run(ctx, tenancy.Actor{Email: "olga@ops.example"}, "merge duplicates", func(ctx context.Context, c *crosstenant.Conn) error {
		_, err := c.Exec(ctx, "update app.contacts set visits = 9")
		return err
	})
	require.NoError(t, err)
	events := w.events(t, w.asA(t), audit.Filter{Actor: "olga@ops.example"})
	require.Len(t, events, 1)
	require.Equal(t, "merge duplicates", *events[0].Reason)
	require.Equal(t, "system", events[0].ActorKind)
}

func TestRecorderRefusesTheWorkWhenItCannotRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sys := w.system(t)
	w.admin(t, "revoke execute on function watertight.crosstenant_entered() from watertight_system")
	err := sys.Run(t.Context(), tenancy.Actor{Email: "olga@ops.example"}, "unseen", func(context.Context, *crosstenant.Conn) error {
		t.Error("the work began")
		return nil
	})
	require.ErrorContains(t, err, "record a cross-tenant transaction")
}

func TestRefusedAttemptsAreEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	alerts := 0
	w.refusals.Alert = func(context.Context, tenancy.Refusal) { alerts++ }
	w.refusals.PerMinute = 3

	nobody := tenancy.NewID()
	_, err := w.db.Admit(ctx, w.anna, w.b)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = w.db.Admit(ctx, w.anna, nobody)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = w.db.AdmitJob(ctx, nobody, "nightly")
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)

	seen := w.events(t, w.asB(t), audit.Filter{Action: "watertight.refused"})
	require.Len(t, seen, 1)
	require.Equal(t, w.anna.UserID.String(), *seen[0].ActorID)
	require.Equal(t, "203.0.113.7/32", seen[0].IP.String())
	require.Nil(t, seen[0].ActorEmail, "anna's address is a value of tenant a")
	require.Equal(t, int64(3), scan[int64](t, w, `select count(*) from watertight.audit_event where tenant_id = $1 and action = 'watertight.refused'`, audit.Platform.String()))
	require.Equal(t, "anna@alpha.example", scan[string](t, w, `select actor_email from watertight.audit_event
		where tenant_id = $1 and action = 'watertight.refused' and entity_id = $2`, audit.Platform.String(), w.b.String()))
	require.Equal(t, int64(0), scan[int64](t, w, "select count(*) from watertight.audit_event where tenant_id = $1", nobody.String()), "a guessed tenant gets no log")

	// An account that b knows is named to b.
	_, err = w.asB(t).Exec(ctx, "update watertight.memberships set status = 'suspended' where tenant_id = $1", w.b)
	require.NoError(t, err)
	_, err = w.db.Admit(ctx, w.bob, w.b)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	require.Equal(t, "bob@beta.example", scan[string](t, w, `select actor_email from watertight.audit_event
		where tenant_id = $1 and action = 'watertight.refused' and actor_id = $2`, w.b.String(), w.bob.UserID.String()))

	for range 10 {
		_, err = w.db.Admit(ctx, w.anna, w.b)
		require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	}
	require.EqualValues(t, 8, w.refusals.Dropped())
	require.Equal(t, 14, alerts)
}

func TestOperatorsAreRecordedByRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(t, "insert into app.contacts (tenant_id, id) select id, 5 from watertight.tenants")
	events := w.events(t, w.asA(t), audit.Filter{Entity: "app.contacts"})
	require.Len(t, events, 1)
	require.Equal(t, "database", events[0].ActorKind)
	require.Contains(t, *events[0].ActorEmail, "watertight_migrator")
	require.Equal(t, "none", events[0].AppVersion)
}

func TestWritesWithoutAnActorAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var pg *pgconn.PgError
	// The application's role without a context does not get as far as the trigger.
	_, err := w.App(t).Exec(t.Context(), "insert into app.contacts (tenant_id, id) values ($1, 1)", w.a.String())
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "42501", pg.Code)

	// A role of its own that row-level security does not stop, but that is no
	// superuser and has no BYPASSRLS: an owner behind a function.
	w.admin(t, `create function app.sneak(t uuid) returns void language sql security definer as
		$$ insert into app.contacts (tenant_id, id) values (t, 1) $$; grant execute on function app.sneak(uuid) to watertight_app`)
	_, err = w.App(t).Exec(t.Context(), "select app.sneak($1)", w.a.String())
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "watertight_context_missing", pg.ConstraintName)
	require.Equal(t, "42501", pg.Code)

	// The same function inside a context of b writes a row of a: the trigger is
	// the second line behind the policy that the function's owner passes by.
	_, err = w.asB(t).Exec(t.Context(), "select app.sneak($1::text::uuid)", w.a.String())
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "watertight_audit_tenant", pg.ConstraintName)
	_, err = w.asB(t).Exec(t.Context(), "select app.sneak($1)", w.b)
	require.NoError(t, err, "positive control")
}
