package ways

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/tenancy"
)

// byHand is a pool of pgx, for the ways that teams write themselves.
type byHand struct{ *pgxpool.Pool }

func openPool(ctx context.Context, w *World, k Kind, at Address, conns int32) (byHand, error) {
	config, err := pgxpool.ParseConfig(w.url(w.peers, k, at))
	if err != nil {
		return byHand{}, err
	}
	config.MaxConns = conns
	pool, err := pgxpool.NewWithConfig(ctx, config)
	return byHand{pool}, err
}

func (byHand) Load(context.Context, tenancy.ID, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error) {
	return 0, ErrNoLoad
}

// floor adds nothing to what it is given.
type floor struct{ byHand }

func openFloor(ctx context.Context, w *World, k Kind, at Address, conns int32) (Way, error) {
	pool, err := openPool(ctx, w, k, at, conns)
	return &floor{pool}, err
}

func (f *floor) One(ctx context.Context, _ tenancy.ID, fn func(context.Context, Statements) error) error {
	return fn(ctx, f.Pool)
}

func (f *floor) Tx(ctx context.Context, _ tenancy.ID, fn func(context.Context, Statements) error) error {
	return pgx.BeginFunc(ctx, f.Pool, func(tx pgx.Tx) error { return fn(ctx, tx) })
}

// Batch is not the floor's: what a batch saves is to be seen, see fiveBatched.
func (f *floor) Batch(ctx context.Context, _ tenancy.ID, b *pgx.Batch) error {
	return f.SendBatch(ctx, b).Close()
}

func (f *floor) Load(ctx context.Context, _ tenancy.ID, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return f.CopyFrom(ctx, table, columns, src)
}

// batched is the floor with a batch where the operation has one.
type batched struct{ *floor }

func openBatched(ctx context.Context, w *World, k Kind, at Address, conns int32) (Way, error) {
	pool, err := openPool(ctx, w, k, at, conns)
	return batched{&floor{pool}}, err
}
