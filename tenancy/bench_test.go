package tenancy_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// What statements cost beside other ways is measured by go run ./bench; here is
// what can be counted.

// BenchmarkAllocations counts what one point read allocates: raw, with plain pgx;
// scoped, with a handle; traced, with one that a BatchTracer looks at.
func BenchmarkAllocations(b *testing.B) {
	w := newWorld(b)
	ctx := b.Context()
	_, url := w.Login(b, "superuser")
	raw, err := pgxpool.New(ctx, url)
	require.NoError(b, err)
	b.Cleanup(raw.Close)
	traced := w.open(b, func(c *tenancy.Config) { c.Tracer = counter{new(atomic.Int64)} })
	scoped := w.admit(b, w.anna, w.a)
	looked, err := traced.Admit(ctx, w.anna, w.a)
	require.NoError(b, err)

	for b.Loop() { // nothing: what follows counts
	}
	for name, q := range map[string]interface {
		QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	}{
		"raw": raw, "scoped": w.db.For(scoped), "traced": traced.For(looked),
	} {
		n := testing.AllocsPerRun(500, func() {
			var body string
			if err := q.QueryRow(ctx, readNote, w.a, int64(1)).Scan(&body); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(n, name+"-allocs")
	}
	b.ReportMetric(0, "ns/op")
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
