package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// attack is SQL that an attacker got into a statement of tenant A, or the whole
// of one. $1 is B's token, captured on the same connection a moment ago; the
// words in capitals stand for what the attacker knows.
type attack struct {
	name string
	sql  string
}

// attacks on the tenant context, the session, and what other tenants' sessions
// leave behind. Most are one expression in a SELECT, as an injection is; the
// rest are whole statements, which the handle refuses by their first word.
var attacks = []attack{
	// The context itself.
	{"set_config of the context, local", "select set_config('watertight.context', TOKEN, true), body from app.notes"},
	{"set_config of the context, session", "select set_config('watertight.context', TOKEN, false), body from app.notes"},
	{"set_config before the scan", "select b.body from (select set_config('watertight.context', TOKEN, true) offset 0) s cross join lateral (select body from app.notes where s.set_config is not null) b"},
	{"set_config in a union", "select set_config('watertight.context', TOKEN, true) union all select body from app.notes"},
	{"set_config in order by", "select body from app.notes order by set_config('watertight.context', TOKEN, true)"},
	{"set_config in where", "select body from app.notes where set_config('watertight.context', TOKEN, true) is not null"},
	{"set_config of an empty context", "select set_config('watertight.context', '', true), (select string_agg(body, ',') from app.notes)"},
	{"enter with the captured token", "select watertight.enter(TOKEN)::text, body from app.notes"},
	{"enter before the scan", "with e as materialized (select watertight.enter(TOKEN) x) select n.body from e cross join lateral (select body from app.notes where e.x is not null) n"},
	{"enter in a union", "select watertight.enter(TOKEN)::text union all select body from app.notes"},
	{"enter with a made-up token", "select watertight.enter('w1.KID.TENANTB.9999999999.s.x.e30=.' || repeat('0', 64))::text, body from app.notes"},
	{"enter with a made-up token of no binding", "select watertight.enter('w1.KID.TENANTB.9999999999.u.x.e30=.' || repeat('0', 64))::text, body from app.notes"},
	{"enter with B written into the own token", "select watertight.enter(replace(current_setting('watertight.context'), 'TENANTA', 'TENANTB'))::text, body from app.notes"},
	{"enter with the own token for all", "select watertight.enter(replace(current_setting('watertight.context'), 'TENANTA', 'all'))::text, body from app.notes"},
	{"enter with null", "select watertight.enter(null)::text, body from app.notes"},
	{"enter with an empty token", "select watertight.enter('')::text, body from app.notes"},
	{"update of pg_settings", "update pg_catalog.pg_settings set setting = TOKEN where name = 'watertight.context'"},
	{"update of pg_settings, row_security", "update pg_catalog.pg_settings set setting = 'off' where name = 'row_security'"},
	{"a key of one's own", "select watertight.add_context_key('evil', decode(repeat('00', 32), 'hex'), now() + interval '1 day')"},
	{"a key by insert", "insert into watertight.context_key select 'evil', ikey, okey, not_after from watertight.context_key"},
	{"reading the keys", "select encode(ikey, 'hex') from watertight.context_key"},
	{"retiring the keys", "select watertight.retire_context_key('KID', now() - interval '1 day')"},
	{"the verifying function itself", "select watertight.context()::text"},
	{"another enter function", "select watertight.install_enter(true)"},
	{"cross-tenant context", "select watertight.crosstenant()"},
	{"ids of all tenants", "select watertight.tenant_ids(null, 100)::text"},
	{"protection taken off", "select watertight.unprotect('app.notes')"},
	{"another policy through protect", "select watertight.protect('app.notes', 'tenant_id')"},

	// Roles and settings.
	{"set role in a select", "select set_config('role', 'watertight_owner', true), body from app.notes"},
	{"set session authorization in a select", "select set_config('session_authorization', 'postgres', false), body from app.notes"},
	{"row_security off in a select", "select set_config('row_security', 'off', true), body from app.notes"},
	{"search_path in a select", "select set_config('search_path', 'public', false), body from app.notes"},
	{"replica role in a select", "select set_config('session_replication_role', 'replica', false), body from app.notes"},
	{"SET ROLE", "set role watertight_owner"},
	{"SET ROLE migrator", "set role watertight_migrator"},
	{"SET SESSION AUTHORIZATION", "set session authorization postgres"},
	{"SET of the context", "set watertight.context = 'x'"},
	{"SET LOCAL of the context", "set local watertight.context = 'x'"},
	{"SET row_security", "set row_security = off"},
	{"RESET", "reset watertight.context"},
	{"RESET ALL", "reset all"},
	{"RESET ROLE", "reset role"},
	{"DISCARD ALL", "discard all"},
	{"poisoned role default", "alter role current_user set search_path = 'public'"},
	{"poisoned database default", "alter database current set row_security = off"},

	// More than one statement, and other statements.
	{"stacked commit", "select 1; commit; begin; select body from app.notes"},
	{"stacked set", "select 1; set watertight.context = 'x'"},
	{"stacked behind a comment", "select 1 /* */; reset all --"},
	{"COMMIT", "commit"},
	{"ROLLBACK", "rollback"},
	{"COMMIT AND CHAIN", "commit and chain"},
	{"two-phase commit", "prepare transaction 'x'"},
	{"DO block", "do $$ begin perform set_config('role', 'watertight_owner', false); end $$"},
	{"PREPARE under pgx's name", "prepare stmtcache_x as select body from app.notes"},
	{"PREPARE under our name", "prepare watertight_enter as select 1"},
	{"DEALLOCATE", "deallocate all"},
	{"EXECUTE", "execute watertight_enter('x')"},
	{"cursor WITH HOLD", "declare c cursor with hold for select body from app.notes"},
	{"FETCH of a cursor left behind", "fetch all from c"},
	{"LISTEN", "listen everything"},
	{"NOTIFY", "notify everything, 'canary'"},
	{"pg_notify", "select pg_notify('everything', body) from app.notes"},
	{"temp table in front of a table", "create temp table notes as select 1"},
	{"select into temp", "select 1 as x into temp notes"},
	{"select into a table", "select body into public.loot from app.notes"},
	{"COPY out", "copy app.notes to stdout"},
	{"COPY to a program", "copy app.notes to program 'cat'"},
	{"EXPLAIN ANALYZE", "explain (analyze, format text) select * from app.notes where body like '%'"},
	{"LOCK TABLE", "lock table app.notes in access exclusive mode"},
	{"TRUNCATE", "truncate app.notes"},
	{"DROP POLICY", "drop policy tenant_isolation on app.notes"},
	{"ALTER TABLE", "alter table app.notes disable row level security"},
	{"CREATE FUNCTION", "create function public.f() returns text language sql as 'select 1'"},
	{"CALL", "call public.p()"},

	// Other sessions.
	{"advisory lock", "select pg_advisory_lock(1)"},
	{"advisory lock of a transaction", "select pg_advisory_xact_lock(1)"},
	{"trying an advisory lock", "select pg_try_advisory_lock(1)"},
	{"releasing everybody's", "select pg_advisory_unlock_all()"},
	{"terminating sessions", "select pg_terminate_backend(pid) from pg_catalog.pg_stat_activity"},
	{"cancelling by number", "select pg_cancel_backend(g) from generate_series(1, 10) g"},
	{"what others run", "select query from pg_catalog.pg_stat_activity"},
	{"what others run, by function", "select query from pg_catalog.pg_stat_get_activity(null)"},
	{"locks of others", "select pid from pg_catalog.pg_locks"},
	{"statistics of values", "select most_common_vals::text from pg_catalog.pg_stats where tablename = 'notes'"},
	{"statistics of volume", "select n_live_tup from pg_catalog.pg_stat_user_tables"},
	{"large object", "select lo_from_bytea(0, 'canary')"},
	{"predictable random", "select setseed(0.5)"},
	{"old row versions", "select currtid2('app.notes', '(0,1)')"},

	// SQL in strings.
	{"query_to_xml", "select query_to_xml('select body from app.notes', true, true, '')"},
	{"table_to_xml", "select table_to_xml('app.notes', true, true, '')"},
	{"database_to_xml", "select database_to_xml(true, true, '')"},
	{"ts_stat", "select word from ts_stat('select to_tsvector(body) from app.notes')"},

	// Rows of B, without any predicate or with its id.
	{"all rows", "select * from app.notes"},
	{"rows of B", "select * from app.notes where tenant_id = 'TENANTB'"},
	{"rows of B by or", "select * from app.notes where tenant_id = 'TENANTA' or true"},
	{"counting B", "select body from app.notes where tenant_id <> 'TENANTA'"},
	{"update of everything", "update app.notes set body = 'taken ' || id returning *"},
	{"update of B", "update app.notes set body = 'taken' where tenant_id = 'TENANTB' returning *"},
	{"moving a row to B", "update app.notes set tenant_id = 'TENANTB' returning *"},
	{"delete of B", "delete from app.notes where tenant_id = 'TENANTB' returning *"},
	{"insert for B", "insert into app.notes (tenant_id, id) values ('TENANTB', 100)"},
	{"upsert onto B", "insert into app.notes (tenant_id, id) values ('TENANTB', 1) on conflict (tenant_id, id) do update set body = 'taken' returning *"},
	{"reference to B's row", "insert into app.replies (tenant_id, id, note_id) values ('TENANTB', 1, 1)"},
	{"merge into B", "merge into app.notes n using (select 1) s on n.tenant_id = 'TENANTB' when matched then update set body = 'taken'"},
	{"locking B", "select * from app.notes where tenant_id = 'TENANTB' for update"},
	{"leaky predicate", "select * from app.notes where (1 / (length(body) - length(body)))::text = body and tenant_id = 'TENANTB'"},
	{"error with a value", "select body::int from app.notes where tenant_id = 'TENANTB'"},
	{"the tenants", "select name from watertight.tenants"},
	{"the users", "select email from watertight.users"},
	{"the memberships", "select role from watertight.memberships where tenant_id = 'TENANTB'"},
	{"joining B's membership", "insert into watertight.memberships (tenant_id, user_id, role) select 'TENANTB', id, 'owner' from watertight.users"},
	{"writing a shared table", "insert into app.countries values ('xx')"},
}

// TestInjectionReachesNoOtherTenant runs every attack on a handle of A, alone
// and in a transaction, on a pool of one connection, and looks for anything of
// B in what comes back; then that the next transactions on that connection see
// what they should, and that B's rows are as they were.
func TestInjectionReachesNoOtherTenant(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(attacks), 50)
	w := newWorld(t, func(c *tenancy.Config) { c.MaxConns = 1 })
	a, b := w.asA(t), w.asB(t)
	before := w.digest(t, w.b)
	for _, attack := range attacks {
		for _, inTx := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/tx=%v", attack.name, inTx), func(t *testing.T) {
				var token string
				require.NoError(t, b.QueryRow(t.Context(), "select current_setting('watertight.context')").Scan(&token))
				require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), a), "positive control")

				w.run(t, a, inTx, w.fill(attack.sql, token))

				require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), a), "A afterwards")
				require.Equal(t, []tenancy.ID{w.b}, tenantsSeen(t, t.Context(), b), "B afterwards")
				require.Equal(t, before, w.digest(t, w.b), "B's rows")
			})
		}
	}
	require.Equal(t, int64(1), w.db.Stat().NewConnsCount(), "every attack met the same connection")
}

func (w *world) fill(sql, token string) string {
	return strings.NewReplacer(
		"TOKEN", "'"+token+"'", "TENANTA", w.a.String(), "TENANTB", w.b.String(), "KID", w.Key.ID(),
	).Replace(sql)
}

// run executes one attack and fails if anything of B comes back: a value in a
// row, or in an error. The transaction is rolled back, so that A's rows stay.
func (w *world) run(t *testing.T, a *tenancy.Conn, inTx bool, sql string) {
	t.Helper()
	try := func(ctx context.Context, c *tenancy.Conn) error {
		rows, err := c.Query(ctx, sql)
		if err != nil {
			return err
		}
		_, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (struct{}, error) {
			for _, value := range r.RawValues() {
				w.requireNothingOfB(t, string(value))
			}
			return struct{}{}, nil
		})
		return err
	}
	var err error
	if inTx {
		err = w.db.Tx(t.Context(), w.admit(t, w.anna, w.a), func(ctx context.Context, c *tenancy.Conn) error {
			if err := try(ctx, c); err != nil {
				return err
			}
			for _, seen := range tenantsSeen(t, ctx, c) {
				require.Equal(t, w.a, seen, "later in the transaction")
			}
			return errRollback
		})
	} else {
		err = try(t.Context(), a)
	}
	if err != nil && !errors.Is(err, errRollback) {
		w.requireNothingOfB(t, err.Error())
		requireDenial(t, err)
	}
}

// requireDenial accepts the errors that are a refusal. Any other means that the
// attack was never carried out, so nothing was shown.
func requireDenial(t *testing.T, err error) {
	t.Helper()
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, tenancy.ErrStatement):
	case errors.As(err, &pg) && pg.Code == "42501":
	case errors.As(err, &pg) && strings.Contains(pg.Message, "multiple commands"):
	default:
		t.Errorf("not a denial but a failure of the attack: %v", err)
	}
}

var errRollback = errors.New("roll back")

func (w *world) requireNothingOfB(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, "of bob@beta.example")
	require.NotContains(t, text, "Beta")
	require.NotContains(t, text, "bob@")
	require.NotContains(t, text, string(w.b.UUID().String()+",")) // a row in text form
}

// digest is of all rows of a tenant, read past row-level security.
func (w *world) digest(t *testing.T, id tenancy.ID) string {
	t.Helper()
	var d string
	err := w.admin.QueryRow(t.Context(), `select md5(string_agg(r, '|' order by r)) from (
		select 'n' || n::text as r from app.notes n where tenant_id = $1
		union all select 'r' || n::text from app.replies n where tenant_id = $1
		union all select 'u' || n::text from watertight.users n where tenant_id = $1
		union all select 'm' || n::text from watertight.memberships n where tenant_id = $1
		union all select 't' || n::text from watertight.tenants n where id = $1) x`, id).Scan(&d)
	require.NoError(t, err)
	return d
}

// TestInjectionWithoutTheHandle is the third lock alone: the same attacks on a
// raw connection of the application's role, in the simple protocol, which takes
// several statements at once, in a database where everything that the migration
// took from PUBLIC was given back. What is left is the signed context, the
// policies and the grants. The binding is the strict one.
func TestInjectionWithoutTheHandle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *tenancy.Config) { c.Binding = tenancy.BindTransaction })
	w.giveBackToPublic(t)
	before := w.digest(t, w.b)
	scopeA, scopeB := w.admit(t, w.anna, w.a), w.admit(t, w.bob, w.b)
	for _, attack := range attacks {
		if harmsItselfOnly[attack.name] {
			continue
		}
		t.Run(attack.name, func(t *testing.T) {
			s := w.session(t)
			token := s.enterStrict(w, scopeB)
			require.Equal(t, 3, s.count("select 1 from app.notes where tenant_id = '"+w.b.String()+"'"), "positive control: the token was good")
			s.simple("rollback")

			s.enterStrict(w, scopeA)
			require.Equal(t, 3, s.count("select 1 from app.notes"), "positive control")
			for _, sql := range []string{w.fill(attack.sql, token), "select body from app.notes", "select body from app.notes where tenant_id <> '" + w.a.String() + "'"} {
				for _, text := range s.simple(sql) {
					w.requireNothingOfB(t, text)
				}
			}
			s.simple("rollback")
			require.Equal(t, before, w.digest(t, w.b), "B's rows")
		})
	}
}

// harmsItselfOnly are attacks that, with the privileges of PUBLIC, end or block
// the attacker's own or other sessions without showing a row.
var harmsItselfOnly = map[string]bool{
	"terminating sessions": true, "cancelling by number": true, "advisory lock": true,
	// With PUBLIC's rights these show queries and statistics of others, which is
	// why the migration takes them.
	"what others run": true, "what others run, by function": true,
}

// giveBackToPublic undoes watertight.secure_database.
func (w *world) giveBackToPublic(t *testing.T) {
	t.Helper()
	_, err := w.admin.Exec(t.Context(), `do $$ declare f regprocedure; v regclass; begin
		for f in select oid from pg_proc where pronamespace = 'pg_catalog'::regnamespace
			and has_function_privilege('watertight_context', oid, 'EXECUTE') and not has_function_privilege('watertight_app', oid, 'EXECUTE')
		loop execute format('grant execute on function %s to public', f); end loop;
		for v in select oid from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind = 'v'
			and has_table_privilege('watertight_migrator', oid, 'SELECT')
		loop execute format('grant select on %s to public', v); end loop;
		execute format('grant temp on database %I to public', current_database());
		grant all on schema public to public;
	end $$`)
	require.NoError(t, err)
}

func (s *session) enterStrict(w *world, scope tenancy.Scope) string {
	s.t.Helper()
	_, err := s.conn.Exec(s.t.Context(), "begin")
	require.NoError(s.t, err)
	var bound string
	require.NoError(s.t, s.conn.QueryRow(s.t.Context(), "select watertight.challenge()").Scan(&bound))
	token := w.db.Token(scope, 'x', bound, time.Now())
	_, err = s.conn.Exec(s.t.Context(), "select watertight.enter($1)", token)
	require.NoError(s.t, err)
	return token
}

func (s *session) count(sql string) int {
	s.t.Helper()
	rows, err := s.conn.Query(s.t.Context(), sql)
	require.NoError(s.t, err)
	n := 0
	for rows.Next() {
		n++
	}
	require.NoError(s.t, rows.Err())
	return n
}

// simple runs a text in the simple protocol and returns all that the server
// said: every value, and every part of every error.
func (s *session) simple(sql string) []string {
	s.t.Helper()
	results, err := s.conn.PgConn().Exec(s.t.Context(), sql).ReadAll()
	var said []string
	for _, r := range results {
		for _, row := range r.Rows {
			for _, value := range row {
				said = append(said, string(value))
			}
		}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		said = append(said, pg.Message, pg.Detail, pg.Hint, pg.Where, pg.InternalQuery)
	}
	return said
}
