package tenancy_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// BenchmarkPointRead compares one scoped read with plain pgx and a hand-written
// clause, as a role that row-level security does not apply to: the floor. Only
// the ratio within one run means anything.
//
//	go test ./tenancy -run xxx -bench PointRead -count 10 | benchstat -col /way -
func BenchmarkPointRead(b *testing.B) {
	w := newWorld(b)
	raw, err := pgxpool.New(b.Context(), w.AdminURL)
	require.NoError(b, err)
	b.Cleanup(raw.Close)
	scope := w.admit(b, w.anna, w.a)
	strict := w.open(b, func(c *tenancy.Config) { c.Binding = tenancy.BindTransaction })
	strictScope, err := strict.Admit(b.Context(), w.anna, w.a)
	require.NoError(b, err)
	ways := []struct {
		name  string
		query func(context.Context, string, ...any) pgx.Row
	}{
		{"raw", raw.QueryRow},
		{"scoped", w.db.For(scope).QueryRow},
		{"strict", strict.For(strictScope).QueryRow},
	}
	for _, way := range ways {
		b.Run("way="+way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var body string
				if err := way.query(b.Context(), readNote, w.a, int64(1)).Scan(&body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTx5 is a transaction of five reads.
func BenchmarkTx5(b *testing.B) {
	w := newWorld(b)
	raw, err := pgxpool.New(b.Context(), w.AdminURL)
	require.NoError(b, err)
	b.Cleanup(raw.Close)
	scope := w.admit(b, w.anna, w.a)
	five := func(ctx context.Context, query func(context.Context, string, ...any) pgx.Row) error {
		for range 5 {
			var body string
			if err := query(ctx, readNote, w.a, int64(1)).Scan(&body); err != nil {
				return err
			}
		}
		return nil
	}
	b.Run("way=raw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			err := pgx.BeginFunc(b.Context(), raw, func(tx pgx.Tx) error { return five(b.Context(), tx.QueryRow) })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("way=scoped", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			err := w.db.Tx(b.Context(), scope, func(ctx context.Context, c *tenancy.Conn) error { return five(ctx, c.QueryRow) })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
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
