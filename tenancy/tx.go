package tenancy

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
)

// txKey finds the transaction whose function a context was handed to.
type txKey struct{}

// transaction is one database transaction in one scope. BEGIN and the context
// ride on the flush of its first statement, so it takes no connection before.
type transaction struct {
	db       *DB
	scope    Scope
	readOnly bool // asked for as such, so it may go to the replica

	busy   atomic.Bool // a flight is being read
	done   atomic.Bool
	conn   *pgxpool.Conn
	begun  bool
	failed bool // Postgres takes nothing but a rollback any more
	points int  // savepoints made, for their names
}

// errPanicked is what an observer hears of a function that did not return.
var errPanicked = errors.New("the function of the transaction panicked")

var errNested = errors.New("a transaction is already open in this context (use its handle, or Conn.Savepoint)")

// Tx runs fn in one transaction of the scope's tenant. It commits if fn
// returns nil and rolls back if fn returns an error or panics. The handle and
// the context given to fn end with it: what uses them later gets [ErrTxDone].
//
// BEGIN travels with the first statement, so n statements cost n+1 round
// trips, one less than with plain pgx, and a fn that sends nothing costs none.
//
// Tx returns the error of fn as is, the error of the commit, or
// [ErrRolledBack] if a statement failed and fn returned nil all the same. A
// commit whose answer is missing is [ErrCommitUnknown]. Tx does not nest; see
// [Conn.Savepoint]. It does not try again; see [DB.RetryTx].
func (db *DB) Tx(ctx context.Context, s Scope, fn func(context.Context, *Conn) error) error {
	return db.transact(ctx, s, false, fn)
}

// ReadTx is Tx for reading: Postgres refuses every write in it, and it goes to
// the replica if Config.ReplicaURL names one, where it may see a somewhat older
// state.
func (db *DB) ReadTx(ctx context.Context, s Scope, fn func(context.Context, *Conn) error) error {
	return db.transact(ctx, s, true, fn)
}

func (db *DB) transact(ctx context.Context, s Scope, readOnly bool, fn func(context.Context, *Conn) error) (err error) {
	if s.IsZero() || s.db != db {
		return ErrNoTenant
	}
	if outer, ok := ctx.Value(txKey{}).(*transaction); ok && !outer.done.Load() {
		if outer.scope.tenant != s.tenant {
			return ErrTenantMismatch
		}
		return errNested
	}
	ctx, observed := db.observe(ctx, Operation{Kind: OperationTransaction, Tenant: s.tenant, Role: s.role, Actor: s.actor.Kind})
	tx := &transaction{db: db, scope: s, readOnly: readOnly}
	ended := false
	// Also when fn panics or calls runtime.Goexit.
	defer func() {
		tx.done.Store(true)
		if !ended && tx.conn != nil {
			release(ctx, tx.conn) // rolls back
		}
		if !ended && err == nil {
			observed(errPanicked)
		} else {
			observed(err)
		}
	}()
	err = fn(context.WithValue(ctx, txKey{}, tx), &Conn{db: db, scope: s, tx: tx, readOnly: readOnly})
	if err != nil {
		return err
	}
	tx.done.Store(true)
	err = tx.commit(ctx)
	if tx.conn != nil {
		release(ctx, tx.conn)
	}
	ended = true
	return err
}

func (tx *transaction) commit(ctx context.Context) error {
	switch {
	case tx.busy.Load():
		return ErrBusy
	case tx.failed:
		return ErrRolledBack
	case !tx.begun:
		return nil
	}
	if ctx.Err() != nil {
		return tx.db.clean(ctx.Err()) // the commit is not sent
	}
	return commitError(tx.db.clean(run(ctx, tx.conn, sqlCommit)))
}

func (tx *transaction) send(f *flight, calls []call) error {
	if !tx.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	if err := tx.sendOwned(f, calls); err != nil {
		tx.landed(err)
		return tx.db.clean(err)
	}
	return nil
}

func (tx *transaction) sendOwned(f *flight, calls []call) error {
	if tx.failed {
		return ErrRolledBack
	}
	if tx.conn == nil {
		conn, err := tx.db.acquire(f.ctx, tx.readOnly)
		if err != nil {
			return err
		}
		tx.conn = conn
	}
	f.pool = tx.conn
	if tx.begun {
		return f.fly(calls, 0)
	}
	begin := sqlBegin
	if tx.readOnly || tx.scope.readOnly {
		begin = sqlBeginReadOnly
	}
	framed, err := f.frame(begin, true, calls)
	if err != nil {
		return err
	}
	return f.fly(append(framed, calls...), len(framed))
}

// landed notes how a flight left the transaction.
func (tx *transaction) landed(err error) {
	if tx.conn != nil {
		pg := tx.conn.Conn().PgConn()
		switch status := pg.TxStatus(); {
		case pg.IsClosed():
			tx.failed = true
		case status == 'T':
			tx.begun = true
		case status == 'E':
			tx.begun, tx.failed = true, true
		case tx.begun || err != nil: // it ended, or never began
			tx.failed = true
		}
	}
	tx.busy.Store(false)
}

// Savepoint runs fn in a part of the transaction that can fail alone: if fn
// returns an error or panics, what it did is undone and the transaction goes
// on. It returns the error of fn. Only a handle of Tx has savepoints.
func (c *Conn) Savepoint(ctx context.Context, fn func(context.Context, *Conn) error) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	if c.tx == nil {
		return errors.New("a savepoint needs a transaction (use DB.Tx)")
	}
	c.tx.points++
	name := "watertight_" + strconv.Itoa(c.tx.points)
	if err := c.frame(ctx, "savepoint "+name); err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended { // a panic: undo here, the transaction's own handling goes on
			_ = c.undo(ctx, name)
		}
	}()
	err := fn(ctx, c)
	ended = true
	if err == nil {
		return c.frame(ctx, "release savepoint "+name)
	}
	if failed := c.undo(ctx, name); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

func (c *Conn) undo(ctx context.Context, name string) error {
	c.tx.failed = false
	return c.frame(ctx, "rollback to savepoint "+name)
}

// frame sends a statement of ours in the transaction.
func (c *Conn) frame(ctx context.Context, sql string) error {
	f, err := c.send(ctx, call{sql: sql})
	if err != nil {
		return err
	}
	_, err = f.results.Exec()
	if end := f.finish(); err == nil {
		err = end
	}
	return c.db.clean(err)
}
