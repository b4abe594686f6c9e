package adopt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// A shopTest is the shop in a database of its own, with the command beside it.
type shopTest struct {
	*testing.T
	db      *pgtest.Database
	command string
	role    string // that the shop logs in as
	roleURL string
	dir     string // where the plan is written
}

func openShop(t *testing.T) *shopTest {
	t.Helper()
	pgtest.New(t) // another database that uses Watertight's roles, which a revert would drop
	s := &shopTest{T: t, db: pgtest.New(t, pgtest.Config{Empty: true}), command: filepath.Join(t.TempDir(), "watertight"), dir: t.TempDir()}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.command, "../../cmd/watertight").CombinedOutput()
	require.NoError(t, err, string(out))
	s.role, s.roleURL = s.db.Login(t)
	s.admin(func(conn *pgx.Conn) {
		for _, name := range []string{"schema.sql", "rows.sql"} {
			s.exec(conn, strings.ReplaceAll(s.file(name), " to shop;", " to "+s.role+";"))
		}
	})
	return s
}

func (s *shopTest) file(name string) string {
	s.Helper()
	content, err := os.ReadFile(name)
	require.NoError(s, err)
	return string(content)
}

// admin works as the administrator, and leaves no connection behind: a proof
// copies the database and has to have it for itself.
func (s *shopTest) admin(do func(*pgx.Conn)) { s.as(s.db.AdminURL, do) }

func (s *shopTest) as(url string, do func(*pgx.Conn)) {
	s.Helper()
	conn, err := pgx.Connect(s.Context(), url)
	require.NoError(s, err)
	defer conn.Close(context.WithoutCancel(s.Context()))
	do(conn)
}

func (s *shopTest) exec(conn *pgx.Conn, sql string, args ...any) {
	s.Helper()
	_, err := conn.Exec(s.Context(), sql, args...)
	require.NoError(s, err, sql)
}

// watertight runs the command and requires its exit code.
func (s *shopTest) watertight(code int, args ...string) string {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), s.command, args...)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+s.db.AdminURL)
	out, err := cmd.CombinedOutput()
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		require.NoError(s, err)
	}
	require.Equal(s, code, got, "%s\n%s", strings.Join(args, " "), out)
	return string(out)
}

// config copies a configuration to where its database's role has its real name.
func (s *shopTest) config(name string) string {
	s.Helper()
	here, err := os.Getwd()
	require.NoError(s, err)
	text := strings.ReplaceAll(s.file(name), "app_role: shop", "app_role: "+s.role)
	for _, p := range []string{"schema.sql", "plan", "queries", "before"} {
		for _, end := range []string{"]", ","} {
			text = strings.ReplaceAll(text, p+end, filepath.Join(here, p)+end)
		}
	}
	path := filepath.Join(s.TempDir(), name)
	require.NoError(s, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// queries runs every query of a folder once, in one transaction that is rolled
// back, so that each run finds the same rows.
func (s *shopTest) queries(conn *pgx.Conn, folder string, args map[string][]any) {
	s.Helper()
	list, err := leaktest.ReadQueries([]string{folder})
	require.NoError(s, err)
	require.Len(s, list, len(args))
	tx, err := conn.Begin(s.Context())
	require.NoError(s, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(s.Context())) }()
	for _, q := range list {
		rows, err := tx.Query(s.Context(), q.SQL, args[q.Name]...)
		require.NoError(s, err, q.Name)
		found := 0
		for rows.Next() {
			found++
		}
		require.NoError(s, rows.Err(), "%s", q.Name)
		if strings.Contains(strings.ToLower(q.SQL), "select") || strings.Contains(q.SQL, "returning") {
			require.Positive(s, found, "%s finds what it found", q.Name)
		} else {
			require.EqualValues(s, 1, rows.CommandTag().RowsAffected(), q.Name)
		}
	}
}

var at = time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)

// before are arguments for the shop's queries as they were.
func before() map[string][]any {
	return map[string][]any{
		"ListOrders": {1}, "GetInvoice": {1}, "FindProduct": {"SKU-1-1"}, "CreateOrder": {1, 1, 1}, "AddItem": {1, 1, 2, "9.50"},
		"Restock": {"ACME-1", 1, 1, 3}, "RenameCustomer": {1, "Anna"}, "JoinTeam": {1, 100}, "View": {1, "/", at}, "DeleteComment": {1},
	}
}

// after are arguments for them as they are, of the same tenant.
func after(tenant any) map[string][]any {
	out := before()
	for name, args := range out {
		out[name] = append([]any{tenant}, args...)
	}
	return out
}

// The whole way, as README.md has it.
func TestShopBecomesWatertight(t *testing.T) {
	s := openShop(t)
	s.admin(func(conn *pgx.Conn) { // whom a query of the test lets join a team
		s.exec(conn, "insert into users (id, organization_id, email, password_hash) values (100, 1, 'new@acme.example', 'x')")
	})

	s.watertight(1, "prove", "-c", s.config("before.yaml"), "--no-self-test", "--yes-destroy")
	s.plantedLeakIsFound()
	s.planIsTheOneOfTheExample()
	s.expands()
	s.clausesComeIn()
	s.contracts()
	out := s.watertight(0, "prove", "-c", s.config("watertight.yaml"), "--no-self-test", "--yes-destroy")
	require.Contains(t, out, "clean: 0 leaks, 0 not proved")

	s.watertight(0, "adopt", "revert", s.dir, "--to", "0")
	s.as(s.roleURL, func(conn *pgx.Conn) { s.queries(conn, "before", before()) })
}

const planted = "update orders set customer_id = (select min(id) from customers where organization_id = 2) where id in (1, 2, 3)"

func (s *shopTest) plantedLeakIsFound() {
	s.Helper()
	s.as(s.roleURL, func(conn *pgx.Conn) { s.exec(conn, planted) })
	decisions := filepath.Join("plan", "decisions.yaml")
	out := s.watertight(1, "adopt", "--out", s.dir, "--decisions", decisions)
	require.Contains(s, out, "two-tenants: public.orders.orders_customer_id_fkey: 3 rows of public.orders refer by orders_customer_id_fkey to a row of public.customers of another tenant")
	s.as(s.roleURL, func(conn *pgx.Conn) { s.exec(conn, "update orders set customer_id = 1 where id in (1, 2, 3)") })

	out = s.watertight(1, "adopt", "--out", s.dir)
	require.Contains(s, out, "no-way: public.countries")
	require.Contains(s, out, "definer: public.revenue(bigint)")
	require.Contains(s, out, "2 to decide")
	s.watertight(0, "adopt", "--out", s.dir, "--decisions", decisions)
}

// planIsTheOneOfTheExample compares the plan with the files beside this test:
// those are what a reader sees.
func (s *shopTest) planIsTheOneOfTheExample() {
	s.Helper()
	files, err := os.ReadDir(s.dir)
	require.NoError(s, err)
	require.Len(s, files, 13)
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(s.dir, f.Name()))
		require.NoError(s, err)
		require.Equal(s, s.file(filepath.Join("plan", f.Name())), strings.ReplaceAll(string(content), s.role, "shop"),
			"%s is another: write the plan of this folder again", f.Name())
	}
}

// expands applies the first half a step at a time; the shop as it was works
// after each of them, and both versions do in the end.
func (s *shopTest) expands() {
	s.Helper()
	for step := 1; step <= 8; step++ {
		s.watertight(0, "adopt", "apply", s.dir, "--to", fmt.Sprint(step), "--rest", "0")
		s.as(s.roleURL, func(conn *pgx.Conn) { s.queries(conn, "before", before()) })
	}
	_, appURL := s.db.Login(s.T, "IN ROLE watertight_app")
	var tenant string
	s.admin(func(conn *pgx.Conn) {
		require.NoError(s, conn.QueryRow(s.Context(), "select tenant_id::text from organizations where id = 1").Scan(&tenant))
	})
	s.as(appURL, func(conn *pgx.Conn) { s.queries(conn, "queries", after(tenant)) })
	s.as(s.roleURL, func(conn *pgx.Conn) { s.queries(conn, "before", before()) })
}

// clausesComeIn is the lint's baseline: it holds every query at the beginning,
// lets no new one in, and is empty in the end.
func (s *shopTest) clausesComeIn() {
	s.Helper()
	folder := s.TempDir()
	queries, baseline := filepath.Join(folder, "queries.sql"), filepath.Join(folder, "lint.json")
	write := func(sql string) { require.NoError(s, os.WriteFile(queries, []byte(sql), 0o600)) }
	args := []string{"lint", "--schema", "schema.sql", "plan", "--queries", queries, "--baseline", baseline}

	old, clean := s.file("before/queries.sql"), s.file("queries/queries.sql")
	write(old)
	s.watertight(0, append(args, "--write-baseline")...)
	s.watertight(0, args...)

	write(old + "\n-- name: NewOne :many\nselect id from orders;\n")
	require.Contains(s, s.watertight(1, args...), "NewOne")

	// The work: query after query gets its clause, and leaves the list.
	oldList, cleanList := strings.Split(old, "-- name: "), strings.Split(clean, "-- name: ")
	for i := 1; i < len(oldList); i++ {
		oldList[i] = cleanList[i]
		write(strings.Join(oldList, "-- name: "))
		require.Contains(s, s.watertight(1, args...), "no longer found", "what was mended has to leave the list")
		s.watertight(0, append(args, "--write-baseline")...)
	}
	content, err := os.ReadFile(baseline)
	require.NoError(s, err)
	require.JSONEq(s, `{"findings": []}`, string(content))
}

func (s *shopTest) contracts() {
	s.Helper()
	s.watertight(0, "adopt", "apply", s.dir)
	s.as(s.roleURL, func(conn *pgx.Conn) {
		_, err := conn.Exec(s.Context(), "select id from orders")
		require.Equal(s, "42501", code(err), "the old way is closed")
	})
	s.admin(func(conn *pgx.Conn) {
		_, err := conn.Exec(s.Context(), planted)
		require.Equal(s, "23503", code(err), "not even the administrator can tie a row to another tenant's")
		s.exec(conn, "update orders set customer_id = 2 where id = 1") // of the same tenant it can
	})
}

func code(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}
