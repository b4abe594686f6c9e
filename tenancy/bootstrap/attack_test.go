package bootstrap_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/bootstrap"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
	"github.com/watertight-go/watertight/tenancy/internal/gate"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

type world struct {
	*pgtest.Database
	db          *tenancy.DB
	sys         *crosstenant.DB
	admin       *pgx.Conn
	alpha, beta tenancy.ID
	anna        uuid.UUID
	key         [32]byte
}

// newWorld is two tenants. Anna has an account in both, Bob in Beta; Alpha has
// an API key.
func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{Database: pgtest.New(t), anna: uuid.New(), key: sha256.Sum256([]byte("a key"))}
	var err error
	w.db, err = tenancy.Open(ctx, w.AppURL, tenancy.Config{Key: w.Key, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	w.sys, err = crosstenant.Open(ctx, w.SystemURL, crosstenant.Config{Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(w.sys.Close)
	w.admin, err = pgx.Connect(ctx, w.AdminURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.admin.Close(context.Background()) })
	w.alpha = w.tenant(t, "anna@alpha.example", w.anna)
	w.beta = w.tenant(t, "bob@beta.example", uuid.New())
	_, err = w.admin.Exec(ctx, "insert into watertight.users (tenant_id, id, email) values ($1, $2, 'Anna@Alpha.example')", w.beta, w.anna)
	require.NoError(t, err)
	_, err = w.admin.Exec(ctx, `insert into watertight.api_keys (tenant_id, id, name, prefix, hash, role, created_by, expires_at)
		values ($1, $2, 'x', 'wt_AAAAAAAA', $3, 'member', $2, now() + interval '1 hour')`, w.alpha, w.anna, w.key[:])
	require.NoError(t, err)
	return w
}

func (w *world) tenant(t *testing.T, email string, user uuid.UUID) (id tenancy.ID) {
	t.Helper()
	require.NoError(t, w.sys.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) (err error) {
		id, _, err = accounts.CreateTenant(ctx, c, "A tenant", accounts.Owner{UserID: user, Email: email})
		return err
	}))
	return id
}

// lookup is the handle that the package keeps to itself.
func (w *world) lookup() *tenancy.Conn {
	return gate.NewLookup.(func(*tenancy.DB, string) *tenancy.Conn)(w.db, "attack")
}

func TestLookups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	both, err := bootstrap.Accounts(ctx, w.db, "ANNA@alpha.example", tenancy.ID{})
	require.NoError(t, err)
	require.ElementsMatch(t, []bootstrap.Account{{Tenant: w.alpha, User: w.anna}, {Tenant: w.beta, User: w.anna}}, both)
	one, err := bootstrap.Accounts(ctx, w.db, "anna@alpha.example", w.beta)
	require.NoError(t, err)
	require.Equal(t, []bootstrap.Account{{Tenant: w.beta, User: w.anna}}, one)
	key, err := bootstrap.KeyByHash(ctx, w.db, w.key)
	require.NoError(t, err)
	require.Equal(t, bootstrap.Key{Tenant: w.alpha, ID: w.anna, Role: "member", Prefix: "wt_AAAAAAAA"}, key)

	// A tenant that is not active is not told of.
	require.NoError(t, w.sys.Run(ctx, tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
		return accounts.SetTenantStatus(ctx, c, w.alpha, "closing")
	}))
	one, err = bootstrap.Accounts(ctx, w.db, "anna@alpha.example", tenancy.ID{})
	require.NoError(t, err)
	require.Equal(t, []bootstrap.Account{{Tenant: w.beta, User: w.anna}}, one)
	_, err = bootstrap.KeyByHash(ctx, w.db, w.key)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)

	// A DB that may not look up, as that of a closed process, says so.
	_, err = bootstrap.Accounts(ctx, nil, "anna@alpha.example", tenancy.ID{})
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
}

// An address finds itself in other cases, and nothing finds more than one
// person's accounts.
func TestNothingFindsMoreThanAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for _, email := range []string{
		"", " ", "%", "_", "%@%", "anna@alpha_example", "anna@alpha%", ".*", "^anna", "anna", "anna@", "@alpha.example",
		" anna@alpha.example", "anna@alpha.example ", "anna@alpha.example\n", "anna+x@alpha.example", "\"anna\"@alpha.example",
		"anna@alpha.example, bob@beta.example", "{anna@alpha.example,bob@beta.example}",
		"аnna@alpha.example",       // a Cyrillic а
		"anna@alpha.example\u200b", // a space of no width
		"anna@alpha。example",       // an ideographic full stop
		"' or true --", "') or ('' = '", "$1", "\\", strings.Repeat("a", 300) + "@x", strings.Repeat("%", 254),
	} {
		found, err := bootstrap.Accounts(ctx, w.db, email, tenancy.ID{})
		require.NoError(t, err, "%q", email)
		require.Empty(t, found, "%q", email)
	}
	// NULL asks for nobody, not for everybody.
	for _, sql := range []string{
		"select * from watertight.sign_in_accounts(null, null)",
		"select * from watertight.sign_in_accounts(null, '" + w.alpha.String() + "')",
		"select * from watertight.api_key_account(null)",
		"select * from watertight.api_key_account('')",
		"select * from watertight.api_key_account('%')",
	} {
		require.Zero(t, rows(t, w.lookup(), sql), sql)
	}
	require.Equal(t, 2, rows(t, w.lookup(), "select * from watertight.sign_in_accounts('anna@alpha.example', null)"), "the control")

	// However many tenants a person works for, no call tells more than twenty.
	for range 25 {
		w.tenant(t, "many@example.com", uuid.New())
	}
	found, err := bootstrap.Accounts(ctx, w.db, "many@example.com", tenancy.ID{})
	require.NoError(t, err)
	require.Len(t, found, 20)
}

// The context of a look-up reaches no row, neither those of the tables that the
// functions read, nor anything else that the application may ask.
func TestTheContextOfALookUpReachesNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	tables, err := w.admin.Query(ctx, `select c.oid::regclass::text from pg_class c
		where c.relnamespace = 'watertight'::regnamespace and c.relkind in ('r', 'p')
			-- What belongs to no tenant is for every reader: see watertight.share.
			and c.oid not in (select relid from watertight.protected_table where kind = 'shared')`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(tables, pgx.RowTo[string])
	require.NoError(t, err)
	open := map[string]bool{"watertight.limitation": true} // what the migrating role was not allowed to do
	tried := 0
	for _, table := range names {
		if open[table] {
			continue
		}
		_, err := w.lookup().Exec(ctx, "select * from "+table)
		requireDenied(t, err, table)
		tried++
	}
	require.Greater(t, tried, 10)
	for _, sql := range []string{
		"select watertight.tenant_ids(null, 100)",
		"select watertight.tenant()",
		"select watertight.audit_log('x', null, null, null)",
		"select watertight.sign_in_refused()",
		"select watertight.lookup()",
		"select watertight.enter('w1.x')",
		"insert into watertight.users (tenant_id, id, email) values (gen_random_uuid(), gen_random_uuid(), 'x@x')",
		"update watertight.memberships set role = 'owner'",
		"delete from watertight.sessions",
	} {
		_, err := w.lookup().Exec(ctx, sql)
		requireDenied(t, err, sql)
	}
	// The control: jobs still list the tenants.
	seen := 0
	require.NoError(t, w.db.EachTenant(ctx, "count", func(context.Context, tenancy.Scope, *tenancy.Conn) error { seen++; return nil }))
	require.Equal(t, 2, seen)
}

// Nobody else may call the functions: no tenant's statement, whatever was
// injected into it, no job over all tenants, no operator.
func TestOnlyALookUpMayAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	calls := []string{
		"select * from watertight.sign_in_accounts('anna@alpha.example', null)",
		"select * from watertight.sign_in_accounts('nobody@alpha.example', null)",
		"select * from watertight.sign_in_accounts('" + strings.Repeat("x", 300) + "', null)",
		fmt.Sprintf("select * from watertight.api_key_account('\\x%x')", w.key),
		"select * from watertight.api_key_account('\\x00')",
	}
	scope, err := w.db.Admit(ctx, tenancy.Actor{UserID: w.anna}, w.alpha)
	require.NoError(t, err)
	job, err := w.db.AdmitJob(ctx, w.alpha, "job")
	require.NoError(t, err)
	bare, err := pgx.Connect(ctx, w.AppURL)
	require.NoError(t, err)
	defer bare.Close(ctx)
	for _, sql := range calls {
		_, err := w.db.For(scope).Exec(ctx, sql)
		requireDenied(t, err, sql)
		_, err = w.db.For(job).Exec(ctx, sql)
		requireDenied(t, err, sql)
		_, err = bare.Exec(ctx, sql+" where $1", true)
		requireDenied(t, err, sql)
		err = w.sys.Run(ctx, tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
			_, err := c.Exec(ctx, sql)
			return err
		})
		requireDenied(t, err, sql)
		_, err = w.lookup().Exec(ctx, sql)
		require.NoError(t, err, "the control: %s", sql)
	}
}

// Somebody who became the role that owns the functions would still need the
// signed context, and then reads ids, addresses and hashes of keys only.
func TestTheRoleOfTheLookUps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.admin.Exec(ctx, "set role watertight_lookup")
	require.NoError(t, err)
	for _, sql := range []string{
		"select id from watertight.tenants", "select email from watertight.users", "select hash from watertight.api_keys",
		"select name from watertight.tenants", "select password_hash from watertight.users", "select display_name from watertight.users",
		"select name from watertight.api_keys", "select role from watertight.memberships", "select * from watertight.sessions",
		"update watertight.users set email = 'x@x'", "select watertight.enter('x')", "create table watertight.x (a int)",
	} {
		_, err := w.admin.Exec(ctx, sql)
		requireDenied(t, err, sql)
	}
	var login, super, bypass bool
	require.NoError(t, w.admin.QueryRow(ctx, "select rolcanlogin, rolsuper, rolbypassrls from pg_roles where rolname = current_user").Scan(&login, &super, &bypass))
	require.False(t, login || super || bypass)
	var members int
	require.NoError(t, w.admin.QueryRow(ctx, "select count(*) from pg_auth_members where roleid = 'watertight_lookup'::regrole").Scan(&members))
	require.Zero(t, members)
}

// A key that has expired or was revoked is as one that is not there.
func TestAKeyThatIsNotGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for _, set := range []string{"revoked_at = now()", "expires_at = now()"} {
		_, err := bootstrap.KeyByHash(ctx, w.db, w.key)
		require.NoError(t, err, "the control")
		_, err = w.admin.Exec(ctx, "begin")
		require.NoError(t, err)
		_, err = w.admin.Exec(ctx, "alter table watertight.api_keys disable trigger guard; update watertight.api_keys set "+set+"; alter table watertight.api_keys enable always trigger guard; commit")
		require.NoError(t, err)
		_, err = bootstrap.KeyByHash(ctx, w.db, w.key)
		require.ErrorIs(t, err, tenancy.ErrNotAdmitted, set)
		_, err = w.admin.Exec(ctx, "alter table watertight.api_keys disable trigger guard; update watertight.api_keys set revoked_at = null, expires_at = now() + interval '1 hour'; alter table watertight.api_keys enable always trigger guard")
		require.NoError(t, err)
	}
	_, err := bootstrap.KeyByHash(ctx, w.db, sha256.Sum256([]byte(time.Now().String())))
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
}

func rows(t *testing.T, c *tenancy.Conn, sql string) int {
	t.Helper()
	r, err := c.Query(t.Context(), sql)
	require.NoError(t, err)
	list, err := pgx.CollectRows(r, func(pgx.CollectableRow) (struct{}, error) { return struct{}{}, nil })
	require.NoError(t, err)
	return len(list)
}

func requireDenied(t *testing.T, err error, sql string) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg, sql)
	require.Equal(t, "42501", pg.Code, "%s: %s", sql, pg.Message)
}
