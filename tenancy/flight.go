package tenancy

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// results of one flight, read in the order in which its calls were sent: a
// session's answers, or those that a tracer is shown.
type results interface {
	Exec() (pgconn.CommandTag, error)
	Query() (pgx.Rows, error)
	Close() error
}

// flight is one batch on its way: the frame's statements were read, the
// caller's are to be. finish ends it, once.
type flight struct {
	conn     *Conn
	pool     *pgxpool.Conn
	ctx      context.Context
	results  results
	ended    func(error) // tells the observer; nil without one
	finished bool
	err      error
}

// send puts the context and the caller's statements into one pipelined batch,
// so that together they cost one round trip.
func (c *Conn) send(ctx context.Context, calls ...call) (*flight, error) {
	ended := c.observed(ctx, calls)
	f, err := c.sendObserved(ctx, calls)
	if ended == nil {
		return f, err
	}
	if err != nil {
		ended(err)
		return nil, err
	}
	f.ended = ended
	return f, nil
}

func (c *Conn) sendObserved(ctx context.Context, calls []call) (*flight, error) {
	if c.db.duty.support {
		if err := c.record(ctx, calls); err != nil {
			return nil, err
		}
	}
	if c.tx != nil {
		return c.tx.send(ctx, c, calls)
	}
	conn, err := c.db.acquire(ctx, c.readOnly)
	if err != nil {
		return nil, err
	}
	f, err := c.sendAlone(ctx, conn, calls)
	if err != nil {
		release(ctx, conn)
		return nil, c.db.clean(err)
	}
	return f, nil
}

// sendAlone frames the statements as a transaction of their own: the implicit
// one of a single Sync or, where that will not do, BEGIN and COMMIT in the
// same flush.
func (c *Conn) sendAlone(ctx context.Context, conn *pgxpool.Conn, calls []call) (*flight, error) {
	begin := sqlBegin
	if c.scope.readOnly {
		// A transaction can be begun READ ONLY; an implicit one could only be
		// set so by a statement more, which Postgres warns of in its log.
		begin = sqlBeginReadOnly
	}
	explicit := c.scope.readOnly || c.db.citus || c.db.cfg.Binding == BindTransaction
	framed, err := c.frameOf(ctx, conn, begin, explicit, calls)
	if err != nil {
		return nil, err
	}
	frame := len(framed)
	framed = append(framed, calls...)
	if explicit {
		framed = append(framed, call{sql: sqlCommit})
	}
	return c.fly(ctx, conn, framed, frame)
}

// frameOf are the calls that go in front of the caller's: BEGIN, if a
// transaction is to be begun and was not begun to ask for the challenge, and the
// context.
func (c *Conn) frameOf(ctx context.Context, conn *pgxpool.Conn, begin string, explicit bool, calls []call) ([]call, error) {
	frame := make([]call, 0, len(calls)+3)
	var bound string
	switch c.db.cfg.Binding {
	case BindTransaction:
		var err error
		if bound, err = challenge(ctx, conn, begin); err != nil {
			return nil, err
		}
		explicit = false
	case BindSession:
		bound = sessionOf(conn.Conn()).pid
	}
	if explicit {
		frame = append(frame, call{sql: begin})
	}
	action := "sql"
	if len(calls) > 0 {
		action = actionOf(ctx, calls[0].sql)
	}
	token := c.db.signer.token(&c.scope, action, bindingModes[c.db.cfg.Binding], bound, time.Now())
	return append(frame, call{sql: sqlEnter, args: []any{token, nextEcho()}}), nil
}

// challenge begins the transaction and asks what this backend will bind a
// token to in it.
func challenge(ctx context.Context, conn *pgxpool.Conn, begin string) (string, error) {
	answers, err := depart(ctx, conn.Conn(), []call{{sql: begin}, {sql: sqlChallenge}})
	if err != nil {
		return "", err
	}
	var bound string
	if _, err = answers.Exec(); err == nil {
		var rows pgx.Rows
		if rows, err = answers.Query(); err == nil {
			bound, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
		}
	}
	if end := answers.Close(); err == nil {
		err = end
	}
	return bound, err
}

// bindingModes are the letters of the bindings in a token.
var bindingModes = [...]byte{BindSession: 's', BindTransaction: 'x', BindNone: 'u'}

// depart sends the calls in one flush with one Sync.
func depart(ctx context.Context, conn *pgx.Conn, calls []call) (results, error) {
	s := sessionOf(conn)
	if s.tracer != nil {
		return s.sendTraced(ctx, conn, calls)
	}
	return s.send(ctx, conn.PgConn(), calls)
}

// fly sends the calls and reads the results of the first ones, those of the
// frame. On an error nothing of them is left open.
func (c *Conn) fly(ctx context.Context, conn *pgxpool.Conn, calls []call, frame int) (*flight, error) {
	results, err := depart(ctx, conn.Conn(), calls)
	if err != nil {
		return nil, checkProtocol(conn.Conn(), err)
	}
	for _, c := range calls[:frame] {
		if c.sql == sqlEnter {
			err = hear(results, c.args[1].(int64))
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			_ = results.Close() // repeats the error
			return nil, checkProtocol(conn.Conn(), err)
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
	f.err = checkProtocol(f.pool.Conn(), f.results.Close())
	if tx := f.conn.tx; tx != nil {
		tx.landed(f.err)
	} else {
		release(f.ctx, f.pool)
	}
	if f.ended != nil {
		f.ended(f.conn.db.clean(f.err))
	}
	return f.err
}
