package tenancy_test

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/pooler"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// session is a raw connection of the application's role: what is left to an
// attacker who has got around the handle altogether.
type session struct {
	t    *testing.T
	conn *pgx.Conn
}

func (w *world) session(t *testing.T) *session {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.AppURL)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return &session{t, conn}
}

func (s *session) pid() string { return fmt.Sprint(s.conn.PgConn().PID()) }

// read begins a transaction, enters the token, and counts the notes that it
// sees without a predicate, by tenant.
func (s *session) read(token any) (map[string]int, error) {
	seen := map[string]int{}
	err := pgx.BeginFunc(s.t.Context(), s.conn, func(tx pgx.Tx) error {
		if token != nil {
			if _, err := tx.Exec(s.t.Context(), "select watertight.enter($1)", token); err != nil {
				return err
			}
		}
		rows, err := tx.Query(s.t.Context(), "select tenant_id::text from app.notes")
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, t := range list {
			seen[t]++
		}
		return err
	})
	return seen, err
}

func requireRefused(t *testing.T, err error, constraint string) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "42501", pg.Code)
	require.Equal(t, constraint, pg.ConstraintName)
}

func TestContextIsRefusedUnlessValidHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scopeA, scopeB := w.admit(t, w.anna, w.a), w.admit(t, w.bob, w.b)
	s, other := w.session(t), w.session(t)
	now := time.Now()
	valid := w.db.Token(scopeA, 's', s.pid(), now)

	seen, err := s.read(valid)
	require.NoError(t, err, "positive control")
	require.Equal(t, map[string]int{w.a.String(): 3}, seen, "positive control")

	mac := valid[len(valid)-64:]
	forged := strings.Replace(valid, w.a.String(), w.b.String(), 1)
	refusals := map[string]struct {
		token      any
		constraint string
	}{
		"unset":                          {nil, "watertight_context_missing"},
		"empty":                          {"", "watertight_context_invalid"},
		"null":                           {(*string)(nil), "watertight_context_invalid"},
		"garbage":                        {"garbage", "watertight_context_invalid"},
		"huge":                           {strings.Repeat("a", 1<<20), "watertight_context_invalid"},
		"other tenant written in":        {forged, "watertight_context_invalid"},
		"mac cut":                        {valid[:len(valid)-1], "watertight_context_invalid"},
		"mac upper case":                 {valid[:len(valid)-64] + strings.ToUpper(mac), "watertight_context_invalid"},
		"mac of zeros":                   {valid[:len(valid)-64] + strings.Repeat("0", 64), "watertight_context_invalid"},
		"expiry moved":                   {strings.Replace(valid, fmt.Sprint(now.Add(60*time.Second).Unix()), fmt.Sprint(now.Add(time.Hour).Unix()), 1), "watertight_context_invalid"},
		"binding dropped":                {strings.Replace(valid, ".s.", ".u.", 1), "watertight_context_invalid"},
		"binding unknown":                {strings.Replace(valid, ".s.", ".z.", 1), "watertight_context_invalid"},
		"key unknown":                    {strings.Replace(valid, "w1."+w.Key.ID(), "w1.zzzz", 1), "watertight_context_invalid"},
		"version unknown":                {"w2" + valid[2:], "watertight_context_invalid"},
		"a part more":                    {strings.Replace(valid, "w1.", "w1..", 1), "watertight_context_invalid"},
		"expired":                        {w.db.Token(scopeA, 's', s.pid(), now.Add(-2*time.Minute)), "watertight_context_expired"},
		"of another session":             {w.db.Token(scopeA, 's', other.pid(), now), "watertight_context_invalid"},
		"of another tenant and session":  {w.db.Token(scopeB, 's', other.pid(), now), "watertight_context_invalid"},
		"of another transaction, strict": {w.db.Token(scopeA, 'x', s.pid()+",1", now), "watertight_context_invalid"},
	}
	for name, r := range refusals {
		t.Run(name, func(t *testing.T) {
			seen, err := s.read(r.token)
			requireRefused(t, err, r.constraint)
			require.Empty(t, seen)
		})
	}
	seen, err = s.read(valid)
	require.NoError(t, err, "the session still works")
	require.Len(t, seen, 1)
}

// A context set in front of the transaction, by whatever means, is as good as
// none: enter refuses to run behind it.
func TestContextCannotBeSetInAdvance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.session(t)
	valid := w.db.Token(w.admit(t, w.anna, w.a), 's', s.pid(), time.Now())
	_, err := s.conn.Exec(t.Context(), "set watertight.context = 'garbage'")
	require.NoError(t, err)
	_, err = s.read(valid)
	requireRefused(t, err, "watertight_context_once")
	_, err = s.conn.Exec(t.Context(), "reset watertight.context")
	require.NoError(t, err)
	seen, err := s.read(valid)
	require.NoError(t, err)
	require.Equal(t, map[string]int{w.a.String(): 3}, seen)
}

// Every byte of a token counts, and so does its end.
func TestEveryChangeOfATokenIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.session(t)
	valid := w.db.Token(w.admit(t, w.anna, w.a), 's', s.pid(), time.Now())
	const alphabet = "ABCabc012.=/+"
	for i := range valid {
		changed := []string{valid[:i], valid[:i] + valid[i+1:]}
		for _, c := range alphabet {
			if byte(c) != valid[i] && (i%7 == 0 || c == '.') {
				changed = append(changed, valid[:i]+string(c)+valid[i+1:])
			}
		}
		for _, token := range changed {
			seen, err := s.read(token)
			require.Error(t, err, "byte %d: %q", i, token)
			require.Empty(t, seen)
		}
	}
	_, err := s.read(valid)
	require.NoError(t, err)
}

func TestKeysRotateWithoutAnInterruption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next, err := tenancy.NewContextKey()
	require.NoError(t, err)

	withNext := w.config()
	withNext.Key = next
	db, err := tenancy.Open(t.Context(), w.url, withNext)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Admit(t.Context(), w.anna, w.a)
	require.ErrorIs(t, err, tenancy.ErrContextInvalid, "the database does not know the key yet")

	secret := next.Secret()
	_, err = w.admin.Exec(t.Context(), "select watertight.add_context_key($1, $2, now() + interval '1 year')", next.ID(), secret[:])
	require.NoError(t, err)
	_, err = db.Admit(t.Context(), w.anna, w.a)
	require.NoError(t, err, "the new key is live")
	_, err = w.db.Admit(t.Context(), w.anna, w.a)
	require.NoError(t, err, "and so is the old one")

	_, err = w.admin.Exec(t.Context(), "select watertight.retire_context_key($1, now())", w.Key.ID())
	require.NoError(t, err)
	_, err = w.db.Admit(t.Context(), w.anna, w.a)
	require.ErrorIs(t, err, tenancy.ErrContextInvalid, "the old key is retired")
	_, err = db.Admit(t.Context(), w.anna, w.a)
	require.NoError(t, err)
}

func TestBindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, binding := range map[string]tenancy.Binding{
		"session": tenancy.BindSession, "transaction": tenancy.BindTransaction, "none": tenancy.BindNone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooler.Skip(t, "tenancy")
			v := *w
			v.db = w.open(t, func(c *tenancy.Config) { c.Binding = binding; c.SearchPath = nil })
			for range 3 {
				require.Equal(t, []tenancy.ID{v.a}, tenantsSeen(t, t.Context(), v.asA(t)))
				require.Equal(t, []tenancy.ID{v.b}, tenantsSeen(t, t.Context(), v.asB(t)))
			}
			err := v.db.Tx(t.Context(), v.admit(t, v.anna, v.a), func(ctx context.Context, c *tenancy.Conn) error {
				require.Equal(t, []tenancy.ID{v.a}, tenantsSeen(t, ctx, c))
				require.Equal(t, []tenancy.ID{v.a}, tenantsSeen(t, ctx, c))
				return nil
			})
			require.NoError(t, err)
		})
	}
}

// The strict binding makes a token worthless in any other transaction, also of
// the same connection.
func TestStrictTokenIsWorthlessInAnotherTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.session(t)
	scope := w.admit(t, w.anna, w.a)
	var token string
	err := pgx.BeginFunc(t.Context(), s.conn, func(tx pgx.Tx) error {
		var bound string
		require.NoError(t, tx.QueryRow(t.Context(), "select watertight.challenge()").Scan(&bound))
		token = w.db.Token(scope, 'x', bound, time.Now())
		_, err := tx.Exec(t.Context(), "select watertight.enter($1)", token)
		require.NoError(t, err)
		var n int
		require.NoError(t, tx.QueryRow(t.Context(), "select count(*) from app.notes").Scan(&n))
		require.Equal(t, 3, n, "positive control")
		return nil
	})
	require.NoError(t, err)
	_, err = s.read(token)
	requireRefused(t, err, "watertight_context_invalid")
}

func TestActorIsSignedIntoTheContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var actor map[string]any
	err := w.asA(t).QueryRow(tenancy.WithAction(t.Context(), "notes:look"), "select watertight.actor()").Scan(&actor)
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"user": w.anna.UserID.String(), "email": "anna@alpha.example", "kind": "user",
		"role": "owner", "version": "v1.2.3", "action": "notes:look",
	}, actor)
}

// What a statement pays for its context must not grow with the number of
// tenants: verifying it reads the keys and nothing else.
func TestVerificationDoesNotReadTheTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scope := w.admit(t, w.anna, w.a)
	read := func() error { return w.db.For(scope).QueryRow(t.Context(), readNote, w.a, int64(1)).Scan(new(string)) }
	_, err := w.admin.Exec(t.Context(), "update watertight.tenants set status = 'closing' where id = $1", w.a)
	require.NoError(t, err)
	_, err = w.admin.Exec(t.Context(), "revoke select on watertight.tenants from watertight_context")
	require.NoError(t, err)
	require.ErrorContains(t, read(), "permission denied", "positive control: what is wrong with a closed tenant is looked up")
	_, err = w.admin.Exec(t.Context(), "update watertight.context_key set shut = '{}'")
	require.NoError(t, err)
	require.NoError(t, read())
}

// A tenant that is being moved or is to be erased is closed to whoever was
// admitted before, from the commit on, whichever key signed, and opens again.
func TestClosedTenantIsRefusedWithEveryKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scope := w.admit(t, w.anna, w.a)
	next, err := tenancy.NewContextKey()
	require.NoError(t, err)
	withNext := w.open(t, func(c *tenancy.Config) { c.Key = next })
	read := func(db *tenancy.DB, id tenancy.ID, email string) error {
		s, err := unverified.Scope(db, tenancy.Actor{Email: email}, id, tenancy.RoleOwner)
		require.NoError(t, err)
		return db.For(s).QueryRow(t.Context(), readNote, id, int64(1)).Scan(new(string))
	}
	status := func(of string, id tenancy.ID) {
		t.Helper()
		_, err := w.admin.Exec(t.Context(), "update watertight.tenants set status = $1 where id = $2", of, id)
		require.NoError(t, err)
	}
	require.NoError(t, w.db.For(scope).QueryRow(t.Context(), readNote, w.a, int64(1)).Scan(new(string)), "positive control")
	status("closing", w.a)
	status("moving", w.b)
	secret := next.Secret()
	_, err = w.admin.Exec(t.Context(), "select watertight.add_context_key($1, $2, now() + interval '1 year')", next.ID(), secret[:])
	require.NoError(t, err, "a key that is made while tenants are closed knows them")
	for name, db := range map[string]*tenancy.DB{"old key": w.db, "new key": withNext} {
		require.ErrorIs(t, read(db, w.a, "anna@alpha.example"), tenancy.ErrNotAdmitted, name)
		require.ErrorIs(t, read(db, w.b, "bob@beta.example"), tenancy.ErrMoving, name)
	}
	status("active", w.a)
	status("suspended", w.b)
	for _, db := range []*tenancy.DB{w.db, withNext} {
		require.NoError(t, read(db, w.a, "anna@alpha.example"))
		require.NoError(t, read(db, w.b, "bob@beta.example"))
	}
	_, err = w.admin.Exec(t.Context(), "insert into watertight.tenants (id, name, status) values ($1, 'Gamma', 'moving')", uuid.New())
	require.NoError(t, err)
	var shut int
	require.NoError(t, w.admin.QueryRow(t.Context(), "select min(cardinality(shut)) from watertight.context_key").Scan(&shut))
	require.Equal(t, 1, shut)
	_, err = w.admin.Exec(t.Context(), "delete from watertight.tenants where name = 'Gamma'")
	require.NoError(t, err)
	require.NoError(t, w.admin.QueryRow(t.Context(), "select max(cardinality(shut)) from watertight.context_key").Scan(&shut))
	require.Zero(t, shut)
}

// A session may have any search_path: what stands in it must not get between
// the functions of the context and what they mean.
func TestContextFunctionsHaveNoPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// A schema with everything that the two functions call, by the same names and
	// for the same types; whatever is called there says so. The application cannot
	// make one.
	w.Exec(t, `create schema planted;
		create function planted.caught() returns boolean language plpgsql as $$ begin raise 'caught' using errcode = 'WT001'; end $$;
		do $do$ declare f record; begin
			for f in
				select p.*, pg_get_function_identity_arguments(p.oid) as arguments from pg_proc p
				where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and p.provariadic = 0 and p.proname in
					('current_setting', 'string_to_array', 'array_to_string', 'encode', 'sha256', 'convert_to', 'pg_backend_pid',
					'transaction_timestamp', 'hashtextextended', 'to_timestamp', 'octet_length', 'set_config', 'starts_with')
			loop
				execute format('create function planted.%I(%s) returns %s language sql as $$ select (planted.caught()::text)::%s $$',
					f.proname, f.arguments, f.prorettype::regtype, f.prorettype::regtype);
			end loop;
			for f in
				select o.oprname, o.oprleft::regtype as l, o.oprright::regtype as r, o.oprresult::regtype as result, row_number() over () as n from pg_operator o
				where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprkind = 'b' and o.oprname in ('=', '||', '>', '>=', '<>')
					and o.oprleft in ('text'::regtype, 'bytea'::regtype, 'bigint'::regtype, 'integer'::regtype, 'uuid'::regtype, 'timestamptz'::regtype)
					and o.oprright = o.oprleft
			loop
				execute format('create function planted.op_%s(a %s, b %s) returns %s language sql as $$ select (planted.caught()::text)::%s $$',
					f.n, f.l, f.r, f.result, f.result);
				execute format('create operator planted.%s (leftarg = %s, rightarg = %s, function = planted.op_%s)', f.oprname, f.l, f.r, f.n);
			end loop;
		end $do$;
		grant usage on schema planted to public`)
	s := w.session(t)
	_, err := s.conn.Exec(t.Context(), "set search_path = planted, pg_catalog")
	require.NoError(t, err)

	var pg *pgconn.PgError
	for name, sql := range map[string]string{
		"a function":  "select current_setting('x', true)",
		"an operator": "select 'a'::text = 'b'::text",
	} {
		_, err := s.conn.Exec(t.Context(), sql)
		require.ErrorAs(t, err, &pg, "positive control: %s", name)
		require.Equal(t, "WT001", pg.Code, "positive control: %s", name)
	}

	scope := w.admit(t, w.anna, w.a)
	for _, valid := range []string{
		w.db.Token(scope, 's', s.pid(), time.Now()),
		w.db.Token(scope, 'u', "", time.Now()),
	} {
		seen, err := s.read(valid)
		require.NoError(t, err)
		require.Equal(t, map[string]int{w.a.String(): 3}, seen)
		_, err = s.read(strings.Replace(valid, w.a.String(), w.b.String(), 1))
		requireRefused(t, err, "watertight_context_invalid")
	}
	_, err = s.read("")
	requireRefused(t, err, "watertight_context_invalid")
	_, err = s.read(w.db.Token(scope, 's', s.pid(), time.Now().Add(-time.Hour)))
	requireRefused(t, err, "watertight_context_expired")
}

// A connection sends a token again, but never another scope's, nor another
// action's.
func TestTokenIsSentAgainInItsScopeOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db = w.open(t, func(c *tenancy.Config) { c.MaxConns = 1 })
	ctx := t.Context()
	sent := func(ctx context.Context, s tenancy.Scope) string {
		var token string
		require.NoError(t, w.db.For(s).QueryRow(ctx, "select current_setting('watertight.context')").Scan(&token))
		return token
	}
	a, b := w.admit(t, w.anna, w.a), w.admit(t, w.bob, w.b)
	elsewhere := w.anna
	elsewhere.IP = netip.MustParseAddr("192.0.2.7")
	again := w.admit(t, elsewhere, w.a)
	both, err := unverified.Scope(w.db, w.anna, w.b, tenancy.RoleOwner) // the same claims
	require.NoError(t, err)
	sent(ctx, a) // prepares it

	first := sent(ctx, a)
	require.Eventually(t, func() bool { return time.Now().Unix() > expiry(t, first)-60 }, 5*time.Second, 10*time.Millisecond)
	require.Equal(t, first, sent(ctx, a), "a new one would expire later")

	for name, other := range map[string]func() string{
		"another tenant's":                  func() string { return sent(ctx, b) },
		"that of the same person elsewhere": func() string { return sent(ctx, both) },
		"another address":                   func() string { return sent(ctx, again) },
		"another action":                    func() string { return sent(tenancy.WithAction(ctx, "other"), a) },
	} {
		before := sent(ctx, a)
		require.NotEqual(t, strings.Split(before, ".")[:7], strings.Split(other(), ".")[:7], name)
	}
	require.Contains(t, sent(ctx, b), w.b.String())
	require.Contains(t, sent(ctx, a), w.a.String())
}

// A clock that was set, or a machine that slept, makes a new one.
func TestTokenIsSentAgainForTenSeconds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, now := w.admit(t, w.anna, w.a), time.Now()
	for age, again := range map[time.Duration]bool{
		0: true, 9 * time.Second: true, 10 * time.Second: false, time.Hour: false, -time.Second: false, -time.Hour: false,
	} {
		require.Equal(t, again, w.db.Reused(s, now.Add(-age), now), age)
	}
}

// expiry is the fourth part of a token.
func expiry(t *testing.T, token string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.Split(token, ".")[3], 10, 64)
	require.NoError(t, err)
	return n
}
