package tenancy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// The benchmarks of the hot path. Every one interleaves its ways in short
// rounds and reports the ratio of their medians to the floor: plain pgx with a
// prepared statement and a hand-written clause, as a role that row-level
// security does not apply to. Only the ratios mean anything, and on a busy
// machine those of many rounds only:
//
//	go test ./tenancy -run xxx -bench Statement -benchtime 300x
//
// The metrics are, for each way: its median in microseconds, and its ratio to
// the floor. The ways are
//
//	raw       the floor
//	unsigned  the handle, in a database where watertight.tenant() believes the
//	          setting: what framing and row-level security cost alone. The
//	          library has no such mode; the benchmark replaces the function
//	scoped    the handle

// items is a tenant table with 200 tenants' rows. It has no audit log: what that
// costs is told by BenchmarkAudited.
const items = `
create table app.items (
	tenant_id uuid not null,
	id        bigint not null,
	body      text not null,
	n         int not null default 0,
	at        timestamptz not null default now(),
	primary key (tenant_id, id)
);
do $$ declare s text; begin
	for s in select watertight.protect_ddl_isolation('app.items') loop execute s; end loop;
end $$;
`

const (
	pointRead = "select body from app.items where tenant_id = $1 and id = $2"
	listItems = "select id, body, n, at from app.items where tenant_id = $1 order by id limit 50"
	addItem   = "insert into app.items (tenant_id, id, body) values ($1, $2, $3)"
	setItem   = "update app.items set n = n + 1 where tenant_id = $1 and id = $2"
)

// bench is the floor and the handles to compare with it, behind one link.
type bench struct {
	raw   *pgxpool.Pool
	a     tenancy.ID
	ways  []benchWay
	fresh *atomic.Int64 // ids for inserts
}

type benchWay struct {
	name  string
	db    *tenancy.DB
	scope tenancy.Scope
}

// link carries a URL of the server's socket to the address that is measured.
type link func(b testing.TB, url string) string

func newBench(b testing.TB, through link, change ...func(*tenancy.Config)) *bench {
	b.Helper()
	x := &bench{fresh: &atomic.Int64{}}
	x.fresh.Store(1 << 32)
	for _, name := range []string{"scoped", "unsigned"} {
		w := newWorld(b)
		w.Exec(b, items)
		_, err := w.admin.Exec(b.Context(), `insert into watertight.tenants (id, name) select gen_random_uuid(), 'n' || n from generate_series(1, 200) n;
			insert into app.items (tenant_id, id, body) select t.id, n, 'item ' || n from watertight.tenants t, generate_series(1, 500) n;
			analyze app.items; analyze watertight.tenants`)
		require.NoError(b, err)
		if name == "unsigned" {
			_, err = w.admin.Exec(b.Context(), `create or replace function watertight.tenant() returns uuid language plpgsql stable parallel restricted security definer as
				$$ begin return pg_catalog.split_part(pg_catalog.current_setting('watertight.context'), '.', 3)::uuid; end $$`)
			require.NoError(b, err)
		}
		const goroutines = 8
		if name == "scoped" {
			url := login(b, w, "superuser")
			config, err := pgxpool.ParseConfig(through(b, url))
			require.NoError(b, err)
			config.MaxConns = goroutines
			x.raw, err = pgxpool.NewWithConfig(b.Context(), config)
			require.NoError(b, err)
			b.Cleanup(x.raw.Close)
			x.a = w.a
		}
		url := login(b, w, "in role watertight_app")
		cfg := w.config()
		cfg.MaxConns = goroutines
		for _, c := range change {
			c(&cfg)
		}
		db, err := tenancy.Open(b.Context(), through(b, url), cfg)
		require.NoError(b, err)
		b.Cleanup(db.Close)
		scope, err := db.Admit(b.Context(), w.anna, w.a)
		require.NoError(b, err)
		x.ways = append(x.ways, benchWay{name, db, scope})
	}
	return x
}

// login makes a role that may come over TCP too, where a password is asked.
func login(b testing.TB, w *world, attributes string) string {
	b.Helper()
	name, url := w.Login(b, attributes)
	_, err := w.admin.Exec(b.Context(), "alter role "+pgx.Identifier{name}.Sanitize()+" password 'bench'")
	require.NoError(b, err)
	return url
}

// querier is what a pool, a transaction and a handle have in common.
type querier interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
	Query(context.Context, string, ...any) (pgx.Rows, error)
	QueryRow(context.Context, string, ...any) pgx.Row
	SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
}

// operation is one thing that an application does.
type benchOp struct {
	name string
	do   func(ctx context.Context, q querier, t tenancy.ID, id int64) error
}

var statements = []benchOp{
	{"point", func(ctx context.Context, q querier, t tenancy.ID, _ int64) error {
		var body string
		return q.QueryRow(ctx, pointRead, t, int64(7)).Scan(&body)
	}},
	{"list50", func(ctx context.Context, q querier, t tenancy.ID, _ int64) error {
		rows, err := q.Query(ctx, listItems, t)
		if err != nil {
			return err
		}
		n := 0
		for rows.Next() {
			var (
				id   int64
				body string
				k    int32
				at   time.Time
			)
			if err := rows.Scan(&id, &body, &k, &at); err != nil {
				return err
			}
			n++
		}
		if n != 50 && rows.Err() == nil {
			return fmt.Errorf("%d rows", n)
		}
		return rows.Err()
	}},
	{"insert", func(ctx context.Context, q querier, t tenancy.ID, id int64) error {
		_, err := q.Exec(ctx, addItem, t, id, "new")
		return err
	}},
	{"update", func(ctx context.Context, q querier, t tenancy.ID, id int64) error {
		_, err := q.Exec(ctx, setItem, t, 1+id%400)
		return err
	}},
}

// Statement is one statement for itself.
func BenchmarkStatement(b *testing.B) {
	for _, l := range links {
		b.Run("link="+l.name, func(b *testing.B) {
			x := newBench(b, l.through)
			for _, goroutines := range []int{1, 8} {
				for _, op := range statements {
					b.Run(fmt.Sprintf("op=%s/goroutines=%d", op.name, goroutines), func(b *testing.B) {
						runs := []run{{"raw", func(ctx context.Context) error { return op.do(ctx, x.raw, x.a, x.fresh.Add(1)) }}}
						for _, way := range x.ways {
							c := way.db.For(way.scope)
							runs = append(runs, run{way.name, func(ctx context.Context) error { return op.do(ctx, c, way.scope.Tenant(), x.fresh.Add(1)) }})
						}
						interleave(b, goroutines, l.perRound, runs)
					})
				}
			}
		})
	}
}

// Five is five statements in a transaction, one by one and as one batch.
func BenchmarkFive(b *testing.B) {
	five := func(ctx context.Context, q querier, t tenancy.ID) error {
		for id := range int64(5) {
			var body string
			if err := q.QueryRow(ctx, pointRead, t, id+1).Scan(&body); err != nil {
				return err
			}
		}
		return nil
	}
	for _, l := range links {
		b.Run("link="+l.name, func(b *testing.B) {
			x := newBench(b, l.through)
			raw := run{"raw", func(ctx context.Context) error {
				return pgx.BeginFunc(ctx, x.raw, func(tx pgx.Tx) error { return five(ctx, tx, x.a) })
			}}
			for _, goroutines := range []int{1, 8} {
				for _, how := range []string{"tx", "batch"} {
					b.Run(fmt.Sprintf("how=%s/goroutines=%d", how, goroutines), func(b *testing.B) {
						runs := []run{raw}
						for _, way := range x.ways {
							do := func(ctx context.Context) error {
								return way.db.Tx(ctx, way.scope, func(ctx context.Context, c *tenancy.Conn) error { return five(ctx, c, way.scope.Tenant()) })
							}
							if how == "batch" {
								c := way.db.For(way.scope)
								do = func(ctx context.Context) error {
									var batch pgx.Batch
									for id := range int64(5) {
										var body string
										batch.Queue(pointRead, way.scope.Tenant(), id+1).QueryRow(func(row pgx.Row) error { return row.Scan(&body) })
									}
									return c.SendBatch(ctx, &batch).Close()
								}
							}
							runs = append(runs, run{way.name, do})
						}
						interleave(b, goroutines, max(l.perRound/5, 2), runs)
					})
				}
			}
		})
	}
}

// run is one way to do the same thing.
type run struct {
	name string
	do   func(context.Context) error
}

// interleave runs the ways in rounds of n operations, in turn, and reports the
// medians of the rounds, and their ratios to the first way's.
func interleave(b *testing.B, goroutines, n int, runs []run) {
	b.Helper()
	ctx := b.Context()
	for _, r := range runs { // every connection has prepared its statements
		round(b, ctx, goroutines, 16*goroutines, r)
	}
	times := make([][]float64, len(runs))
	b.ResetTimer()
	for i := range b.N {
		for j := range runs {
			k := (i + j) % len(runs)
			times[k] = append(times[k], round(b, ctx, goroutines, n, runs[k]))
		}
	}
	b.StopTimer()
	floor := median(times[0])
	for k, r := range runs {
		b.ReportMetric(median(times[k]), r.name+"-µs")
		if k > 0 {
			b.ReportMetric(median(times[k])/floor, r.name+"-ratio")
		}
	}
	b.ReportMetric(0, "ns/op") // of a round: says nothing
}

// round returns the microseconds for one operation.
func round(b *testing.B, ctx context.Context, goroutines, n int, r run) float64 {
	var (
		all    sync.WaitGroup
		failed atomic.Pointer[error]
		start  = time.Now()
	)
	for range goroutines {
		all.Go(func() {
			for range max(n/goroutines, 1) {
				if err := r.do(ctx); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	if err := failed.Load(); err != nil {
		b.Fatalf("%s: %v", r.name, *err)
	}
	return float64(took.Nanoseconds()) / 1000 / float64(max(n/goroutines, 1)*goroutines)
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// BenchmarkAllocations counts what one point read allocates.
func BenchmarkAllocations(b *testing.B) {
	x := newBench(b, socket)
	traced := newBench(b, socket, func(c *tenancy.Config) { c.Tracer = counter{new(atomic.Int64)} })
	ways := map[string]func() error{
		"raw":    func() error { return statements[0].do(b.Context(), x.raw, x.a, 0) },
		"scoped": func() error { w := x.ways[0]; return statements[0].do(b.Context(), w.db.For(w.scope), x.a, 0) },
		"batch": func() error {
			w := traced.ways[0]
			return statements[0].do(b.Context(), w.db.For(w.scope), w.scope.Tenant(), 0)
		},
	}
	for b.Loop() { // nothing: what follows counts
	}
	for name, way := range ways {
		n := testing.AllocsPerRun(500, func() {
			if err := way(); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(n, name+"-allocs")
	}
	b.ReportMetric(0, "ns/op")
}

// The links that are measured: the server's socket, TCP on this machine, and
// networks with two round-trip times.
var links = []struct {
	name     string
	through  link
	perRound int
}{
	{"socket", socket, 64},
	{"loopback", loopback, 64},
	{"500µs", delayed(500 * time.Microsecond), 16},
	{"2ms", delayed(2 * time.Millisecond), 8},
}

func socket(_ testing.TB, url string) string { return url }

func loopback(b testing.TB, url string) string {
	b.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(b, err)
	return overTCP(b, url, net.JoinHostPort("127.0.0.1", port(config.Port)))
}

// overTCP is the URL of a login of newBench at another address.
func overTCP(b testing.TB, url, address string) string {
	b.Helper()
	return strings.Replace(withParam(withHost(b, url, address), "sslmode=disable"), "@", ":bench@", 1)
}

// delayed is a network with a round-trip time.
func delayed(roundTrip time.Duration) link {
	return func(b testing.TB, url string) string {
		b.Helper()
		config, err := pgx.ParseConfig(url)
		require.NoError(b, err)
		server := net.JoinHostPort("127.0.0.1", port(config.Port))
		listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
		require.NoError(b, err)
		b.Cleanup(func() { listener.Close() })
		go func() {
			for {
				client, err := listener.Accept()
				if err != nil {
					return
				}
				upstream, err := net.Dial("tcp", server)
				if err != nil {
					client.Close()
					return
				}
				go later(upstream, client, roundTrip/2)
				go later(client, upstream, roundTrip/2)
			}
		}()
		return overTCP(b, url, listener.Addr().String())
	}
}

// later copies what arrives after a delay, without holding up what comes behind.
func later(to io.WriteCloser, from io.Reader, delay time.Duration) {
	type piece struct {
		due  time.Time
		data []byte
	}
	pieces := make(chan piece, 1024)
	go func() {
		defer to.Close()
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				return
			}
		}
	}()
	defer close(pieces)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			pieces <- piece{time.Now().Add(delay), slices.Clone(buffer[:n])}
		}
		if err != nil {
			return
		}
	}
}

// BenchmarkCheckArgs is what looking at the arguments costs.
func BenchmarkCheckArgs(b *testing.B) {
	id := tenancy.NewID()
	args := []any{id, int64(1), "text", row{TenantID: id}}
	b.ReportAllocs()
	for b.Loop() {
		if err := tenancy.CheckArgs(id, args); err != nil {
			b.Fatal(err)
		}
	}
}
