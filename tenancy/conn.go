package tenancy

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Conn is the handle that generated code takes: every statement on it runs
// inside one tenant. From [DB.For] each statement is a transaction of its own
// and one round trip; inside [DB.Tx] all share one.
//
// It is a struct with unexported fields, so neither a pool nor a connection
// fits in its place, and nothing can be embedded to forge one. Its zero value
// refuses everything with [ErrNoTenant].
//
// A handle from For may be used by any number of goroutines; one from Tx by
// one at a time, and only until its function returns.
//
// The methods have pgx's signatures. They refuse, before anything is sent: a
// tenant ID among the arguments that is not the handle's ([ErrTenantMismatch]),
// a query that the role may not run ([ErrForbidden]), a statement that is not a
// query ([ErrStatement]), and a context that belongs to a transaction of
// another tenant. What Postgres reports comes as a
// [*pgconn.PgError] without its detail, hint and context, which can quote
// rows; see Config.VerboseErrors.
type Conn struct {
	db    *DB
	scope Scope
	tx    *transaction // nil: each statement is its own
	// readOnly sends a handle of ReadTx to the replica.
	readOnly bool
}

// For returns a handle in the scope. It takes no connection and cannot fail;
// a zero scope gives a handle that refuses everything.
func (db *DB) For(s Scope) *Conn {
	if s.IsZero() || db == nil || s.db != db {
		return &Conn{}
	}
	return &Conn{db: db, scope: s}
}

// Tenant returns the handle's tenant.
func (c *Conn) Tenant() ID { return c.scope.tenant }

// Exec runs a statement and returns its tag. An error that Postgres raises at
// the commit, such as a deferred constraint, is returned here.
func (c *Conn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	item, err := c.item(ctx, sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return c.exec(ctx, item)
}

// execOwn runs a statement that the handle itself writes.
func (c *Conn) execOwn(ctx context.Context, sql string) error {
	item, err := c.own(ctx, sql, nil)
	if err == nil {
		_, err = c.exec(ctx, item)
	}
	return err
}

func (c *Conn) exec(ctx context.Context, item call) (pgconn.CommandTag, error) {
	for first := true; ; first = false {
		f, err := c.send(ctx, item)
		if err != nil {
			return pgconn.CommandTag{}, err
		}
		tag, err := f.results.Exec()
		// ErrProtocol is the same error with a name.
		if end := f.finish(); err == nil || errors.Is(end, ErrProtocol) {
			err = end
		}
		if first && c.again(err) {
			continue
		}
		return tag, c.db.clean(err)
	}
}

// again reports whether a statement is to be sent once more: Postgres refused
// it before doing anything, because its table had changed since it was
// prepared, and there is no transaction that this has broken.
func (c *Conn) again(err error) bool { return c.tx == nil && outdated(err) }

// Query runs a statement and streams its rows. They hold a connection until
// they are read to the end or closed; check Err afterwards, which also tells
// of an error at the commit. Rows.Conn returns nil.
func (c *Conn) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	item, err := c.item(ctx, sql, args)
	if err != nil {
		return failedRows(err), err
	}
	return c.query(ctx, item)
}

// queryOwn runs a statement that the handle itself writes.
func (c *Conn) queryOwn(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	item, err := c.own(ctx, sql, args)
	if err != nil {
		return failedRows(err), err
	}
	return c.query(ctx, item)
}

func (c *Conn) query(ctx context.Context, item call) (pgx.Rows, error) {
	for first := true; ; first = false {
		f, err := c.send(ctx, item)
		if err != nil {
			return failedRows(err), err
		}
		inner, err := f.results.Query()
		if err == nil {
			f.rows = rows{inner: inner, flight: f}
			return &f.rows, nil
		}
		if end := f.finish(); end != nil {
			err = end
		}
		if first && c.again(err) {
			continue
		}
		err = c.db.clean(err)
		return failedRows(err), err
	}
}

// QueryRow runs a statement of which Scan reads the first row. Scan returns
// [pgx.ErrNoRows] if there is none. Nothing is sent before Query would send it.
func (c *Conn) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r, _ := c.Query(ctx, sql, args...) // its error is that of the rows, too
	return (*row)(r.(*rows))
}

// SendBatch runs the queued statements in one round trip and, outside a Tx,
// one transaction: all or none. Close the results and check its error, which
// also tells of an error at the commit.
func (c *Conn) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if b.Len() == 0 {
		return &batchResults{queued: nil}
	}
	return c.sendBatch(ctx, b, c.item)
}

// sendBatch sends what check makes of the queued statements.
func (c *Conn) sendBatch(ctx context.Context, b *pgx.Batch, check func(context.Context, string, []any) (call, error)) pgx.BatchResults {
	items := make([]call, b.Len())
	for i, q := range b.QueuedQueries {
		item, err := check(ctx, q.SQL, q.Arguments)
		if err != nil {
			return &batchResults{err: err, closed: true}
		}
		items[i] = item
	}
	f, err := c.send(ctx, items...)
	if err != nil {
		return &batchResults{err: err, closed: true}
	}
	return &batchResults{flight: f, queued: b.QueuedQueries}
}

// item checks one statement and its arguments; nothing has been sent yet.
func (c *Conn) item(ctx context.Context, sql string, args []any) (call, error) {
	item, err := c.allowed(ctx, sql, args)
	if err != nil {
		return call{}, c.refusedCall(ctx, sql, err)
	}
	return item, nil
}

func (c *Conn) allowed(ctx context.Context, sql string, args []any) (call, error) {
	if err := c.usable(ctx); err != nil {
		return call{}, err
	}
	if err := c.permit(ctx, sql); err != nil {
		return call{}, err
	}
	return c.checked(ctx, sql, args)
}

// own is item for a statement that the handle itself writes: a role is not
// asked for it.
func (c *Conn) own(ctx context.Context, sql string, args []any) (call, error) {
	if err := c.usable(ctx); err != nil {
		return call{}, err
	}
	return c.checked(ctx, sql, args)
}

func (c *Conn) checked(ctx context.Context, sql string, args []any) (call, error) {
	sql, args, err := rewriteArgs(ctx, sql, args)
	if err != nil {
		return call{}, err
	}
	if err := checkStatement(sql); err != nil {
		return call{}, err
	}
	if err := checkArgs(c.scope.tenant, args); err != nil {
		return call{}, err
	}
	return call{sql: sql, args: args}, nil
}

func (c *Conn) usable(ctx context.Context) error {
	if c == nil || c.db == nil {
		return ErrNoTenant
	}
	if c.tx != nil && c.tx.done.Load() {
		return ErrTxDone
	}
	return c.sameTenant(ctx)
}

// sameTenant refuses a context that was handed to a transaction of another
// tenant: whoever nests two tenants mixes them up sooner or later.
func (c *Conn) sameTenant(ctx context.Context) error {
	outer, ok := ctx.Value(txKey{}).(*transaction)
	if ok && !outer.done.Load() && outer.scope.reach == reachTenant && outer.scope.tenant != c.scope.tenant {
		return ErrTenantMismatch
	}
	return nil
}
