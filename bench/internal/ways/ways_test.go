package ways

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/bench/internal/delay"
	"github.com/watertight-go/watertight/internal/needs"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { os.Exit(m.Run()) }

// newWorld starts a server of its own: the measurements want its settings.
func newWorld(t *testing.T, tenants, rows int) *World {
	t.Helper()
	server, err := pgtest.Start(t.Context(), pgtest.Config{Settings: Settings})
	if err != nil {
		var missing *pgtest.NotFoundError
		if errors.As(err, &missing) {
			needs.Missing(t, "%v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	w, err := NewWorld(t.Context(), server, tenants, rows)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close(context.Background())) })
	return w
}

func TestTheWaysDoWhatTheySay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 120)
	direct, err := w.Direct()
	require.NoError(t, err)
	proxy, err := delay.Listen(t.Context(), "tcp", direct.Host+":"+direct.Port, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, proxy.Close()) })
	open := map[string]Way{}
	for _, k := range Kinds() {
		way, err := w.Open(t.Context(), k, AddressOf(proxy.Addr()), 1)
		require.NoError(t, err)
		t.Cleanup(way.Close)
		open[k.Name] = way
	}
	t.Run("the same rows", func(t *testing.T) { sameRows(t, w, open) }) // before anything is written
	t.Run("round trips", func(t *testing.T) { roundTrips(t, w, open, proxy.Trips) })
	t.Run("isolation", func(t *testing.T) { isolation(t, w, open) })
	t.Run("the audit log", func(t *testing.T) { auditLog(t, w, open) })
	t.Run("backends", func(t *testing.T) { backends(t, w) })
}

// roundTrips counts what each way costs: once it is warm, and not in time.
func roundTrips(t *testing.T, w *World, open map[string]Way, trips func() int64) {
	// How many for one statement, five in a transaction, the five as one batch,
	// and an insert of many rows. COPY is not counted: the server answers in the
	// middle of it.
	want := map[string][4]int64{
		"raw":      {1, 7, 7, 0},
		"batched":  {0, 0, 1, 0},
		"signed":   {1, 6, 1, 1},
		"audited":  {1, 6, 1, 1},
		"unsigned": {1, 6, 1, 1},
		"separate": {4, 8, 4, 0},
		"session":  {3, 9, 3, 0},
		"role":     {1, 8, 1, 0},
	}
	shape := func(o Operation) int {
		switch {
		case o.Name == "tx5":
			return 1
		case o.Name == "batch5":
			return 2
		case o.Rows > 0:
			return 3
		}
		return 0
	}
	for _, k := range Kinds() {
		for _, o := range Operations() {
			if !k.Measures(o) || o.Rows > 1000 || o.Rows > 0 && !k.Isolated {
				continue
			}
			work := o.Worker(w, k, open[k.Name], 1)
			for range 2 { // prepare, and once more for what a first call asks
				require.NoError(t, work(t.Context()), "%s %s", k.Name, o.Name)
			}
			before := trips()
			require.NoError(t, work(t.Context()), "%s %s", k.Name, o.Name)
			require.Equal(t, want[k.Name][shape(o)], trips()-before, "%s %s", k.Name, o.Name)
		}
	}
}

func sameRows(t *testing.T, w *World, open map[string]Way) {
	type item struct {
		ID      int64
		Subject string
		Amount  int32
		At      time.Time
	}
	for _, tenant := range w.Tenants {
		seen := map[string][]item{}
		for _, k := range Kinds() {
			err := open[k.Name].One(t.Context(), tenant, func(ctx context.Context, q Statements) error {
				rows, err := q.Query(ctx, inTable(statements.list, k.Table), tenant, minutes(0))
				require.NoError(t, err)
				seen[k.Name], err = pgx.CollectRows(rows, pgx.RowToStructByPos[item])
				return err
			})
			require.NoError(t, err, k.Name)
			require.Len(t, seen[k.Name], 50, k.Name)
			require.Equal(t, seen["raw"], seen[k.Name], k.Name)
		}
	}
}

// isolation asks without the tenant's clause, and then for another tenant by
// it. The floor shows what there is to be seen.
func isolation(t *testing.T, w *World, open map[string]Way) {
	mine, other := w.Tenants[0], w.Tenants[1]
	for _, k := range Kinds() {
		way := open[k.Name]
		ask := func(sql string, args ...any) (n int) {
			t.Helper()
			err := way.One(t.Context(), mine, func(ctx context.Context, q Statements) error {
				return q.QueryRow(ctx, sql, args...).Scan(&n)
			})
			require.NoError(t, err, k.Name)
			return n
		}
		tenants := ask("select count(distinct tenant_id) from bench." + k.Table)
		// A text, so that the library's look at the arguments is not what refuses.
		foreign := ask("select count(*) from bench."+k.Table+" where tenant_id = ($1::text)::uuid", other.String())
		own := ask("select count(*) from bench."+k.Table+" where tenant_id = ($1::text)::uuid", mine.String())
		require.GreaterOrEqual(t, own, w.Rows, k.Name)
		if !k.Isolated {
			require.Equal(t, len(w.Tenants), tenants, "%s is the control", k.Name)
			require.GreaterOrEqual(t, foreign, w.Rows, "%s is the control", k.Name)
			continue
		}
		require.Equal(t, 1, tenants, k.Name)
		require.Zero(t, foreign, k.Name)
		err := way.One(t.Context(), mine, func(ctx context.Context, q Statements) error {
			_, err := q.Exec(ctx, "insert into bench."+k.Table+" (tenant_id, id, subject, amount, at) values (($1::text)::uuid, 0, '', 0, now())", other.String())
			return err
		})
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, k.Name)
		require.Equal(t, "42501", pg.Code, k.Name)
	}
}

// auditLog sees that the two tables of Watertight differ in what is said.
func auditLog(t *testing.T, w *World, open map[string]Way) {
	count := func(entity string) (n int) {
		t.Helper()
		err := w.signed.admin.QueryRow(t.Context(), "select count(*) from watertight.audit_event where entity = $1", entity).Scan(&n)
		require.NoError(t, err)
		return n
	}
	kinds := Kinds()
	for _, name := range []string{"signed", "audited"} {
		k := kinds[slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })]
		o := Operations()[slices.IndexFunc(Operations(), func(o Operation) bool { return o.Name == "insert" })]
		before := count("bench." + k.Table)
		require.NoError(t, o.Worker(w, k, open[name], 2)(t.Context()))
		want := 0
		if name == "audited" {
			want = 1
		}
		require.Equal(t, want, count("bench."+k.Table)-before, name)
	}
}

func backends(t *testing.T, w *World) {
	for _, k := range Kinds() {
		pids, err := w.Backends(t.Context(), k)
		require.NoError(t, err)
		require.Len(t, pids, 1, "%s has a pool of one", k.Name)
	}
}

// A statement without its tenant would measure something that nobody runs.
func TestEveryStatementHasItsTenant(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{statements.point, statements.list, statements.update} {
		require.Contains(t, sql, "where tenant_id = $1")
	}
	for _, sql := range []string{statements.insert, statements.upsert} {
		require.Contains(t, sql, "(tenant_id, id, subject, amount, at) values ($1,")
	}
}

func TestEmptyWorldIsRefused(t *testing.T) {
	t.Parallel()
	for _, n := range [][2]int{{0, 1}, {1, 0}} {
		_, err := NewWorld(t.Context(), nil, n[0], n[1])
		require.ErrorContains(t, err, "measures nothing")
	}
}
