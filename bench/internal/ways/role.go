package ways

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/tenancy"
)

// roleWay puts the tenant's role in front of the statement, in one batch, whose
// implicit transaction ends it.
type roleWay struct {
	byHand
	prefix string
}

const setRole = "select set_config('role', $1, true)"

func openRole(ctx context.Context, w *World, k Kind, at Address, conns int32) (Way, error) {
	pool, err := openPool(ctx, w, k, at, conns)
	return &roleWay{pool, w.rolePrefix()}, err
}

func (r *roleWay) role(t tenancy.ID) string { return r.prefix + t.String() }

func (r *roleWay) One(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error {
	return fn(ctx, &afterRole{r, t})
}

func (r *roleWay) Tx(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error {
	return pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setRole, r.role(t)); err != nil {
			return err
		}
		return fn(ctx, tx)
	})
}

func (r *roleWay) Batch(ctx context.Context, t tenancy.ID, b *pgx.Batch) error {
	var all pgx.Batch
	all.Queue(setRole, r.role(t))
	all.QueuedQueries = append(all.QueuedQueries, b.QueuedQueries...)
	return r.SendBatch(ctx, &all).Close()
}

// afterRole sends each statement in a batch behind the role.
type afterRole struct {
	way *roleWay
	t   tenancy.ID
}

func (a *afterRole) send(ctx context.Context, sql string, args []any) (pgx.BatchResults, error) {
	var b pgx.Batch
	b.Queue(setRole, a.way.role(a.t))
	b.Queue(sql, args...)
	results := a.way.SendBatch(ctx, &b)
	if _, err := results.Exec(); err != nil {
		_ = results.Close() // repeats the error
		return nil, fmt.Errorf("set the role: %w", err)
	}
	return results, nil
}

func (a *afterRole) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	results, err := a.send(ctx, sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if end := results.Close(); err == nil {
		err = end
	}
	return tag, err
}

func (a *afterRole) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	results, err := a.send(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	return &batchRows{rows, results}, err
}

func (a *afterRole) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	results, err := a.send(ctx, sql, args)
	return batchRow{results, err}
}

// batchRows give the connection back when they are closed.
type batchRows struct {
	pgx.Rows
	results pgx.BatchResults
}

func (r *batchRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *batchRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // closed twice is no error, and the rows have what there was
}

type batchRow struct {
	results pgx.BatchResults
	err     error
}

func (r batchRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	err := r.results.QueryRow().Scan(dest...)
	if end := r.results.Close(); err == nil {
		err = end
	}
	return err
}
