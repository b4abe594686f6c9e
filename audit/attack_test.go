package audit_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/audit"
)

// unlock lets a superuser change the tables: what is left is to be found out.
const unlock = "set local session_replication_role = replica; alter table watertight.audit_event disable trigger all; alter table watertight.audit_tree disable trigger all; alter table watertight.audit_checkpoint disable trigger all;"

// Every attack of a superuser, with the verdict by what the database itself
// holds and by a checkpoint that was held outside. Those that cannot be
// noticed are here as well: docs/design/020-audit-log.md says what to do about them.
func TestAttacksOfASuperuser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 9)
	var outside bytes.Buffer
	s := w.sealer(t, func(c *audit.SealerConfig) { c.Anchors = []audit.Anchor{audit.WriterAnchor(&outside)} })
	w.seal(t, s)
	require.NoError(t, s.Heartbeat(t.Context()))
	notes, err := audit.ReadAnchor(&outside)
	require.NoError(t, err)
	v := w.verify(t, w.a.UUID(), notes...)
	require.True(t, v.OK(), "positive control: %v", v.Problems)
	require.EqualValues(t, 12, v.Size)
	conn, err := pgx.Connect(t.Context(), w.AdminURL)
	require.NoError(t, err)
	defer conn.Close(context.Background())

	const sealed = "(select id from watertight.audit_event where tenant_id = $1 order by xid, id offset 5 limit 1)"
	for name, a := range map[string]struct {
		sql            string
		inside, beside audit.ProblemKind // "" is: not noticed
	}{
		"a value is changed":                      {"update watertight.audit_event set diff = '{\"name\":[null,\"other\"]}' where id = " + sealed, audit.Altered, audit.Altered},
		"white space in a value is changed":       {"update watertight.audit_event set diff = (diff::text || ' ')::json where id = " + sealed, audit.Altered, audit.Altered},
		"an e-mail address is changed":            {"update watertight.audit_event set actor_email = 'eve@x.example' where id = " + sealed, audit.Altered, audit.Altered},
		"an address is changed":                   {"update watertight.audit_event set ip = '203.0.113.8' where id = " + sealed, audit.Altered, audit.Altered},
		"a time moves by a microsecond":           {"update watertight.audit_event set at = at + interval '1 microsecond' where id = " + sealed, audit.Altered, audit.Altered},
		"an action is renamed":                    {"update watertight.audit_event set action = 'Nothing' where id = " + sealed, audit.Altered, audit.Altered},
		"a version is changed":                    {"update watertight.audit_event set app_version = 'v9' where id = " + sealed, audit.Altered, audit.Altered},
		"null becomes empty":                      {"update watertight.audit_event set query = '' where id = " + sealed, audit.Altered, audit.Altered},
		"a captured change becomes a note":        {"update watertight.audit_event set op = null where id = " + sealed, audit.Altered, audit.Altered},
		"one in the middle is deleted":            {"delete from watertight.audit_event where id = " + sealed, audit.Missing, audit.Missing},
		"the oldest is deleted":                   {"delete from watertight.audit_event where id = (select min(id) from watertight.audit_event where tenant_id = $1)", audit.Missing, audit.Missing},
		"an old one is forged":                    {"insert into watertight.audit_event (tenant_id, xid, at, action, actor_kind, app_version) values ($1, '3', now() - interval '1 day', 'Forged', 'user', 'v1')", audit.Altered, audit.Altered},
		"two change places":                       {"update watertight.audit_event e set xid = (3000000000 - e.xid::text::bigint)::text::xid8 where tenant_id = $1", audit.Altered, audit.Altered},
		"one moves to another tenant":             {"update watertight.audit_event set tenant_id = gen_random_uuid() where id = " + sealed, audit.Missing, audit.Missing},
		"a value is written into a redacted half": {"update watertight.audit_event set c_diff = sha256('x'), diff = '{}' where id = " + sealed, audit.BadRecord, audit.BadRecord},
		"a half is redacted with another hash":    {"update watertight.audit_event set c_diff = sha256('x'), salt_diff = null, diff = null, reason = null where id = " + sealed, audit.Altered, audit.Altered},
		"the end is deleted":                      {"delete from watertight.audit_event where tenant_id = $1 and id > " + sealed, audit.Missing, audit.Missing},
		"the checkpoints are deleted":             {"delete from watertight.audit_checkpoint where tenant_id = $1", audit.Unsigned, ""},
		"a checkpoint is edited":                  {"update watertight.audit_checkpoint set note = replace(note, E'\\n" + "12\\n', E'\\n11\\n') where tenant_id = $1", audit.Unsigned, audit.Unsigned},
		"the tree is set back":                    {"update watertight.audit_tree set size = 0, range = '' where tenant_id = $1", audit.RolledBack, audit.RolledBack},
		"a prune is feigned":                      {"with g as (delete from watertight.audit_event where tenant_id = $1 and id = (select min(id) from watertight.audit_event where tenant_id = $1)) update watertight.audit_tree set pruned = 1, pruned_range = sha256('x') where tenant_id = $1", audit.Altered, audit.Altered},
		// The whole log with everything that speaks of it.
		"all of it is deleted": {`with a as (delete from watertight.audit_event where tenant_id = $1), b as (delete from watertight.audit_tree where tenant_id = $1)
			delete from watertight.audit_checkpoint where tenant_id = $1`, "", audit.RolledBack},
	} {
		t.Run(name, func(t *testing.T) {
			// In a transaction that is rolled back: the next attack finds the log whole.
			tx, err := conn.Begin(t.Context())
			require.NoError(t, err)
			defer tx.Rollback(context.Background())
			attack(t, tx, a.sql, w.a.UUID())
			w.requireKind(t, tx, a.inside)
			w.requireKind(t, tx, a.beside, notes...)
		})
	}
	w.requireKind(t, conn, "", notes...)
}

// attack runs a statement as a superuser who has switched the triggers off.
func attack(t testing.TB, tx pgx.Tx, sql string, args ...any) {
	t.Helper()
	_, err := tx.Conn().PgConn().Exec(t.Context(), unlock).ReadAll()
	require.NoError(t, err)
	tag, err := tx.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
	require.Positive(t, tag.RowsAffected(), "the attack hit nothing")
}

// attack is the same, committed.
func (w *world) attack(t testing.TB, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
		attack(t, tx, sql, args...)
		return nil
	}))
}

func (w *world) requireKind(t testing.TB, db audit.Querier, want audit.ProblemKind, outside ...[]byte) {
	t.Helper()
	v, err := audit.Verify(t.Context(), db, w.a.UUID(), audit.VerifyConfig{Keys: []audit.VerifyingKey{w.key.Public()}, Outside: outside})
	require.NoError(t, err)
	if want == "" {
		require.True(t, v.OK(), "noticed after all: %v (say so in the documentation)", v.Problems)
		return
	}
	var kinds []audit.ProblemKind
	for _, p := range v.Problems {
		kinds = append(kinds, p.Kind)
	}
	require.Contains(t, kinds, want, "%v", v.Problems)
}

// The tail, its tree and its checkpoints go together; a checkpoint from before
// the tail is all that is held outside. Noticed back to the last one outside.
func TestTailCutWithItsCheckpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 3)
	var outside bytes.Buffer
	s := w.sealer(t, func(c *audit.SealerConfig) { c.Anchors = []audit.Anchor{audit.WriterAnchor(&outside)} })
	w.seal(t, s)
	require.NoError(t, s.Heartbeat(t.Context()))
	old, err := audit.ReadAnchor(bytes.NewReader(outside.Bytes()))
	require.NoError(t, err)
	saved := scan[[]byte](t, w, "select range from watertight.audit_tree where tenant_id = $1", w.a.UUID())
	note := scan[string](t, w, "select note from watertight.audit_checkpoint where tenant_id = $1", w.a.UUID())

	_, err = w.asA(t).Exec(t.Context(), renameContact, w.a, 1, "the deed")
	require.NoError(t, err)
	w.seal(t, s)
	require.NoError(t, s.Heartbeat(t.Context()))
	all, err := audit.ReadAnchor(&outside)
	require.NoError(t, err)

	w.attack(t, "delete from watertight.audit_event where tenant_id = $1 and op = 'u'", w.a.UUID())
	w.attack(t, "delete from watertight.audit_checkpoint where tenant_id = $1", w.a.UUID())
	w.attack(t, "update watertight.audit_tree set size = 6, range = $2 where tenant_id = $1", w.a.UUID(), saved)
	w.attack(t, "insert into watertight.audit_checkpoint (tenant_id, size, note) values ($1, 6, $2)", w.a.UUID(), note)

	admin := w.Admin(t)
	w.requireKind(t, admin, "")                       // not by the database alone
	w.requireKind(t, admin, "", old...)               // not by an older checkpoint
	w.requireKind(t, admin, audit.RolledBack, all...) // by one as new as the deed
}

// What is removed before it is sealed leaves no trace: at most the interval of
// the sealer, and by a superuser only. Documented, not prevented.
func TestRemovedBeforeTheSeal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.sealer(t)
	w.seal(t, s)
	w.fill(t, 1)
	w.attack(t, "delete from watertight.audit_event where tenant_id = $1 and entity = 'app.contacts'", w.a.UUID())
	w.seal(t, s)
	w.requireKind(t, w.Admin(t), "")
}

// A superuser who sets session_replication_role to replica is recorded all the
// same: the triggers are enabled ALWAYS.
func TestReplicaModeDoesNotSilenceTheTriggers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, err := pgx.Connect(t.Context(), w.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "set session_replication_role = replica")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "insert into app.contacts (tenant_id, id) values ($1, 1)", w.a.UUID())
	require.NoError(t, err)
	require.Len(t, w.events(t, w.asA(t), audit.Filter{Entity: "app.contacts"}), 1)
	var pg *pgconn.PgError
	_, err = conn.Exec(t.Context(), "delete from watertight.audit_event")
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "watertight_audit_append_only", pg.ConstraintName)
	_, err = conn.Exec(t.Context(), "truncate app.contacts cascade")
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "watertight_audit_truncate", pg.ConstraintName)
}

// What the application's role tries, with SQL of its own in a valid context of
// its own tenant: to change, delete, forge, silence, replay.
func TestTheApplicationCannotTouchTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 3)
	s := w.sealer(t)
	w.seal(t, s)
	before := scan[string](t, w, "select md5(string_agg(e::text, '|' order by id)) from watertight.audit_event e")
	triggers := scan[int64](t, w, "select count(*) from pg_trigger where tgname ~ 'audit' and tgenabled = 'A'")
	forged := "('" + w.a.String() + "', 'Forged', 'user', 'v1')"
	attacks := []string{
		"update watertight.audit_event set diff = '{}'",
		"delete from watertight.audit_event",
		"truncate watertight.audit_event",
		"insert into watertight.audit_event (tenant_id, action, actor_kind, app_version) values " + forged,
		"update watertight.audit_tree set size = 0",
		"delete from watertight.audit_checkpoint",
		"insert into watertight.audit_retention values ('" + w.a.String() + "', 30)",
		"alter table watertight.audit_event disable row level security",
		"alter table app.contacts disable trigger watertight_audit",
		"drop trigger watertight_audit on app.contacts",
		"create trigger x before insert on watertight.audit_event for each row execute function watertight.refuse_tenant_change()",
		`create or replace function watertight."audit:app.contacts"() returns trigger language plpgsql as 'begin return null; end'`,
		"set session_replication_role = replica",
		"set role watertight_audit",
		"set session authorization watertight_audit",
		"select watertight.audit_put(null, null, '" + w.a.String() + "', 'Forged', null, null, null)",
		"select watertight.audit_put_direct('" + w.a.String() + "', 'u', 'Forged', null, null, null)",
		"select watertight.audit_put_operator('" + w.a.String() + "', 'watertight.pruned', null)",
		"select watertight.audit_row('u', '" + w.b.String() + "', 'app.contacts', '1', '')",
		`select watertight."audit:app.contacts"()`,
		"select watertight.audit_redact('" + w.a.String() + "', '{1,2,3}', true, true)",
		"select watertight.audit_prune('" + w.a.String() + "', 1::smallint, '9', 9, 1, sha256(''))",
		"select watertight.audit_erase('" + w.a.String() + "')",
		"select watertight.audit_new_epoch('because I can')",
		"select watertight.audit_seal_begin()",
		"select watertight.audit_retain('" + w.a.String() + "', 30)",
		"select watertight.audit_columns('app.contacts', 'omit', 'name')",
		"select watertight.audit_generate('app.contacts')",
		"select watertight.audit_note('" + w.a.String() + "', 'watertight.exported', null)",
		"select watertight.audit_log('watertight.refused', null, null, null)",
		"select watertight.job_admitted()",
		"select watertight.tenant_refused(true)",
		"select watertight.crosstenant_entered()",
	}
	require.Greater(t, len(attacks), 12)
	scope := w.admit(t, w.anna, w.a)
	for _, sql := range attacks {
		// Through the handle, as an injection would come.
		_, err := w.db.For(scope).Exec(t.Context(), sql)
		require.Error(t, err, sql)
		// And on a raw connection of the role, as if the handle were not there.
		_, err = w.App(t).Exec(t.Context(), sql)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, sql)
		require.Equal(t, "42501", pg.Code, "%s: refused for want of a right, not by an accident: %s", sql, pg.Message)
	}
	// A context that is forged, or of another session, is set and then worth nothing.
	conn, err := w.App(t).Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	for _, sql := range []string{"select watertight.audit_log('x', null, null, null)", "insert into app.contacts (tenant_id, id) values ('" + w.a.String() + "', 99)"} {
		err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "select watertight.enter($1)", "w1."+w.Key.ID()+"."+w.a.String()+".9999999999.u.Forged.e30=."+strings.Repeat("0", 64))
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), sql)
			return err
		})
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, sql)
		require.Equal(t, "watertight_context_invalid", pg.ConstraintName)
	}
	require.Equal(t, before, scan[string](t, w, "select md5(string_agg(e::text, '|' order by id)) from watertight.audit_event e"))
	require.Equal(t, triggers, scan[int64](t, w, "select count(*) from pg_trigger where tgname ~ 'audit' and tgenabled = 'A'"))
}

// The log is a tenant table like any other to somebody who looks for leaks.
func TestOneTenantsLogIsClosedToAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 2)
	require.NoError(t, audit.Log(t.Context(), w.asB(t), "contact.read", "contact", "1", map[string]string{"canary": "b-secret"}))
	w.seal(t, w.sealer(t))
	a := w.asA(t)
	for _, table := range []string{"audit_event", "audit_tree", "audit_checkpoint", "audit_retention"} {
		rows, err := a.Query(t.Context(), "select distinct tenant_id::text from watertight."+table)
		require.NoError(t, err)
		seen, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		if table != "audit_retention" {
			require.Equal(t, []string{w.a.String()}, seen, "%s: its own and no other", table)
		}
	}
	for _, table := range []string{"audit_sealer", "audit_column"} {
		_, err := a.Exec(t.Context(), "select * from watertight."+table)
		require.Error(t, err)
	}
	for _, e := range w.events(t, a, audit.Filter{}) {
		require.Equal(t, w.a.UUID(), e.Tenant)
	}
	// By the API a does not get as far: b's id is not its handle's.
	_, err := audit.Prove(t.Context(), a, w.b.UUID(), 1)
	require.Error(t, err)
	v, err := audit.Verify(t.Context(), a, w.b.UUID(), audit.VerifyConfig{Keys: []audit.VerifyingKey{w.key.Public()}})
	require.NoError(t, err)
	require.Zero(t, v.Size+v.Unsealed, "sees nothing of it")

	// And what a writes is a's, whatever it says.
	require.NoError(t, audit.Log(t.Context(), a, "contact.read", "tenant", w.b.String(), nil))
	require.Equal(t, w.a.String(), scan[string](t, w, "select tenant_id::text from watertight.audit_event where action = 'contact.read' and entity = 'tenant'"))
	require.Equal(t, "anna@alpha.example", scan[string](t, w, "select actor_email from watertight.audit_event where action = 'contact.read' and entity = 'tenant'"))
	require.WithinDuration(t, time.Now(), scan[time.Time](t, w, "select at from watertight.audit_event where entity = 'tenant' and action = 'contact.read'"), time.Hour)
}

// A sealer that was taken over cannot set the log back, skip what is not
// finished, or put a tree of another shape in place.
func TestTheSealersRoleCannotRewind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 2)
	w.seal(t, w.sealer(t))
	conn := w.role(t, "watertight_sealer")
	for name, args := range map[string]string{
		"back":             "l, '3'::xid8, 0, '{}', '{}', '{}', '{}'",
		"beyond xmin":      "l, '99999999999'::xid8, 0, '{}', '{}', '{}', '{}'",
		"another mark":     "'3'::xid8, h, 0, '{}', '{}', '{}', '{}'",
		"a smaller tree":   "l, h, 0, array['" + w.a.String() + "'::uuid], '{1}', array[sha256('')], '{x}'",
		"the same size":    "l, h, 0, array['" + w.a.String() + "'::uuid], '{5}', array[sha256('') || sha256('')], '{x}'",
		"a range too long": "l, h, 0, array['" + w.a.String() + "'::uuid], '{8}', array[sha256('') || sha256('')], '{x}'",
		"no note":          "l, h, 0, array['" + w.a.String() + "'::uuid], '{8}', array[sha256('')], array[null]::text[]",
	} {
		_, err := conn.Exec(t.Context(), "select watertight.audit_seal_end("+args+") from watertight.audit_seal_begin() as s(e, l, h)")
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, name)
		require.Equal(t, "55000", pg.Code, "%s: %s", name, pg.Message)
	}
	for _, sql := range []string{
		"update watertight.audit_event set diff = null", "delete from watertight.audit_checkpoint", "update watertight.audit_tree set size = 0",
		"update watertight.audit_sealer set hwm = '3'", "select watertight.audit_prune('" + w.a.String() + "', 1::smallint, '9', 9, 1, sha256(''))",
	} {
		_, err := conn.Exec(t.Context(), sql)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, sql)
		require.Equal(t, "42501", pg.Code, sql)
	}
	_, err := conn.Exec(t.Context(), "select watertight.audit_seal_end(l, h, 0, array['"+w.a.String()+"'::uuid], '{8}', array[sha256('')], '{x}') from watertight.audit_seal_begin() as s(e, l, h)")
	require.NoError(t, err, "positive control")
}

// A superuser changes an event, computes the whole tree anew and signs it with
// a key of his own. The true key's checkpoint outside is of another root.
func TestRewrittenLogIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 3)
	var outside bytes.Buffer
	s := w.sealer(t, func(c *audit.SealerConfig) { c.Anchors = []audit.Anchor{audit.WriterAnchor(&outside)} })
	w.seal(t, s)
	require.NoError(t, s.Heartbeat(t.Context()))
	notes, err := audit.ReadAnchor(&outside)
	require.NoError(t, err)
	w.attack(t, "update watertight.audit_event set actor_email = 'eve@x.example' where tenant_id = $1", w.a.UUID())
	w.attack(t, "delete from watertight.audit_tree where $1::uuid is not null", w.a.UUID())
	w.attack(t, "delete from watertight.audit_checkpoint where $1::uuid is not null", w.a.UUID())
	w.admin(t, "alter table watertight.audit_sealer disable trigger append_only")
	w.admin(t, "update watertight.audit_sealer set hwm = '3', last_id = 0")
	rogue, _, err := audit.NewSigningKey("log.example")
	require.NoError(t, err)
	w.seal(t, w.sealer(t, func(c *audit.SealerConfig) { c.Keys = []audit.SigningKey{rogue} }))
	w.requireKind(t, w.Admin(t), audit.Altered, notes...)
	w.requireKind(t, w.Admin(t), audit.Unsigned)
}
