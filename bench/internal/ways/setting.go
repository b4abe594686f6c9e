package ways

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/tenancy"
)

// separate sends four messages for one statement, and waits for each.
type separate struct{ byHand }

func openSeparate(ctx context.Context, w *World, k Kind, at Address, conns int32) (Way, error) {
	pool, err := openPool(ctx, w, k, at, conns)
	return &separate{pool}, err
}

const (
	setLocal   = "select set_config('bench.tenant', $1, true)"
	setSession = "select set_config('bench.tenant', $1, false)"
)

func (s *separate) One(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error {
	return s.Tx(ctx, t, fn)
}

func (s *separate) Tx(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error {
	return s.tx(ctx, t, func(tx pgx.Tx) error { return fn(ctx, tx) })
}

func (s *separate) tx(ctx context.Context, t tenancy.ID, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setLocal, t.String()); err != nil {
			return err
		}
		return fn(tx)
	})
}

func (s *separate) Batch(ctx context.Context, t tenancy.ID, b *pgx.Batch) error {
	return s.tx(ctx, t, func(tx pgx.Tx) error { return tx.SendBatch(ctx, b).Close() })
}

// sessionWay sets the tenant for as long as it holds the connection.
type sessionWay struct{ byHand }

func openSession(ctx context.Context, w *World, k Kind, at Address, conns int32) (Way, error) {
	pool, err := openPool(ctx, w, k, at, conns)
	return &sessionWay{pool}, err
}

func (s *sessionWay) hold(ctx context.Context, t tenancy.ID, fn func(*pgxpool.Conn) error) error {
	return s.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if _, err := conn.Exec(ctx, setSession, t.String()); err != nil {
			return err
		}
		if err := fn(conn); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, setSession, "")
		return err
	})
}

func (s *sessionWay) One(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error {
	return s.hold(ctx, t, func(conn *pgxpool.Conn) error { return fn(ctx, conn) })
}

func (s *sessionWay) Tx(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error {
	return s.hold(ctx, t, func(conn *pgxpool.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return fn(ctx, tx) })
	})
}

func (s *sessionWay) Batch(ctx context.Context, t tenancy.ID, b *pgx.Batch) error {
	return s.hold(ctx, t, func(conn *pgxpool.Conn) error { return conn.SendBatch(ctx, b).Close() })
}
