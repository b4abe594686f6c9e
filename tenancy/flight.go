package tenancy

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// flight is one batch on its way: the frame's statements were read, the
// caller's are to be. finish ends it, once.
type flight struct {
	conn     *Conn
	pool     *pgxpool.Conn
	ctx      context.Context
	results  pgx.BatchResults
	finished bool
	err      error
}

// send puts the context and the caller's statements into one pipelined batch,
// so that together they cost one round trip.
func (c *Conn) send(ctx context.Context, items ...*pgx.QueuedQuery) (*flight, error) {
	if c.db.duty.support {
		if err := c.record(ctx, items); err != nil {
			return nil, err
		}
	}
	if c.tx != nil {
		return c.tx.send(ctx, c, items)
	}
	conn, err := c.db.acquire(ctx, c.readOnly)
	if err != nil {
		return nil, err
	}
	f, err := c.sendAlone(ctx, conn, items)
	if err != nil {
		release(ctx, conn)
		return nil, c.db.clean(err)
	}
	return f, nil
}

// sendAlone frames the statements as a transaction of their own: the implicit
// one of a single Sync or, where that will not do, BEGIN and COMMIT in the
// same flush.
func (c *Conn) sendAlone(ctx context.Context, conn *pgxpool.Conn, items []*pgx.QueuedQuery) (*flight, error) {
	begin := sqlBegin
	if c.scope.readOnly {
		// A transaction can be begun READ ONLY; an implicit one could only be
		// set so by a statement more, which Postgres warns of in its log.
		begin = sqlBeginReadOnly
	}
	explicit := c.scope.readOnly || c.db.citus || c.db.cfg.Binding == BindTransaction
	var b pgx.Batch
	bound, err := c.bind(ctx, conn, begin, &b, explicit)
	if err != nil {
		return nil, err
	}
	frame := b.Len() + 1
	c.queueEnter(ctx, &b, bound, items)
	b.QueuedQueries = append(b.QueuedQueries, items...)
	if explicit {
		b.Queue(sqlCommit)
	}
	return c.fly(ctx, conn, &b, frame)
}

// bind returns what the token is to be bound to and, if a transaction is to be
// begun, queues that, or sends it where the challenge has to be asked first.
func (c *Conn) bind(ctx context.Context, conn *pgxpool.Conn, begin string, b *pgx.Batch, explicit bool) (string, error) {
	if c.db.cfg.Binding == BindTransaction {
		return challenge(ctx, conn, begin)
	}
	if explicit {
		b.Queue(c.db.prepared(begin))
	}
	if c.db.cfg.Binding == BindNone {
		return "", nil
	}
	return strconv.FormatUint(uint64(conn.Conn().PgConn().PID()), 10), nil
}

// challenge begins the transaction and asks what this backend will bind a
// token to in it.
func challenge(ctx context.Context, conn *pgxpool.Conn, begin string) (string, error) {
	var b pgx.Batch
	b.Queue(begin)
	b.Queue(sqlChallenge)
	results := conn.SendBatch(ctx, &b)
	var bound string
	_, err := results.Exec()
	if err == nil {
		err = results.QueryRow().Scan(&bound)
	}
	if end := results.Close(); err == nil {
		err = end
	}
	return bound, err
}

// bindingModes are the letters of the bindings in a token.
var bindingModes = [...]byte{BindSession: 's', BindTransaction: 'x', BindNone: 'u'}

func (c *Conn) queueEnter(ctx context.Context, b *pgx.Batch, bound string, items []*pgx.QueuedQuery) {
	action := "sql"
	if len(items) > 0 {
		action = actionOf(ctx, items[0].SQL)
	}
	b.Queue(c.db.prepared(sqlEnter), c.db.signer.token(&c.scope, action, bindingModes[c.db.cfg.Binding], bound, time.Now()))
}

// prepared replaces a statement of ours by the name it is prepared under. Not
// behind a pooler, where another backend would not know the name.
func (db *DB) prepared(sql string) string {
	if db.cfg.Binding == BindNone {
		return sql
	}
	switch sql {
	case sqlEnter:
		return preparedEnter
	case sqlBegin:
		return preparedBegin
	case sqlBeginReadOnly:
		return preparedBeginReadOnly
	}
	return sql
}

// fly sends the batch and reads the results of its first statements, those of
// the frame. On an error nothing of the batch is left open.
func (c *Conn) fly(ctx context.Context, conn *pgxpool.Conn, b *pgx.Batch, frame int) (*flight, error) {
	results := conn.SendBatch(ctx, b)
	for range frame {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // repeats the error
			return nil, err
		}
	}
	return &flight{conn: c, pool: conn, ctx: ctx, results: results}, nil
}

// finish reads what is left of the batch, which is where an error of the
// commit shows, and gives the connection back.
func (f *flight) finish() error {
	if f.finished {
		return f.err
	}
	f.finished = true
	f.err = f.results.Close()
	if tx := f.conn.tx; tx != nil {
		tx.landed(f.err)
	} else {
		release(f.ctx, f.pool)
	}
	return f.err
}
