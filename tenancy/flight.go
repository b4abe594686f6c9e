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
//
// It has room for what nearly every flight needs, so that a statement allocates
// one thing in place of five.
type flight struct {
	conn     *Conn
	pool     *pgxpool.Conn
	ctx      context.Context
	results  results
	ended    func(error) // tells the observer; nil without one
	finished bool
	err      error

	answers answers // the results, if a session sent it
	rows    rows    // of the caller's first statement
	calls   [4]call // of one statement: BEGIN, enter, itself, COMMIT
	sent    [4]*prepared
}

// send puts the context and the caller's statements into one pipelined batch,
// so that together they cost one round trip.
func (c *Conn) send(ctx context.Context, calls ...call) (*flight, error) {
	ended := c.observed(ctx, calls)
	f := &flight{conn: c, ctx: ctx}
	if err := f.send(calls); err != nil {
		if ended != nil {
			ended(err)
		}
		return nil, err
	}
	f.ended = ended
	return f, nil
}

func (f *flight) send(calls []call) error {
	c := f.conn
	if c.db.duty.support {
		if err := c.record(f.ctx, calls); err != nil {
			return err
		}
	}
	if c.tx != nil {
		return c.tx.send(f, calls)
	}
	var err error
	if f.pool, err = c.db.acquire(f.ctx, c.readOnly); err != nil {
		return err
	}
	if err := f.sendAlone(calls); err != nil {
		release(f.ctx, f.pool)
		return c.db.clean(err)
	}
	return nil
}

// sendAlone frames the statements as a transaction of their own: the implicit
// one of a single Sync or, where that will not do, BEGIN and COMMIT in the
// same flush.
func (f *flight) sendAlone(calls []call) error {
	c := f.conn
	begin := sqlBegin
	if c.scope.readOnly {
		// A transaction can be begun READ ONLY; an implicit one could only be
		// set so by a statement more, which Postgres warns of in its log.
		begin = sqlBeginReadOnly
	}
	explicit := c.scope.readOnly || c.db.citus || c.db.cfg.Binding == BindTransaction
	framed, err := f.frame(begin, explicit, calls)
	if err != nil {
		return err
	}
	frame := len(framed)
	framed = append(framed, calls...)
	if explicit {
		framed = append(framed, call{sql: sqlCommit})
	}
	return f.fly(framed, frame)
}

// frame are the calls that go in front of the caller's: BEGIN, if a transaction
// is to be begun and was not begun to ask for the challenge, and the context.
func (f *flight) frame(begin string, explicit bool, calls []call) ([]call, error) {
	db := f.conn.db
	var bound string
	switch db.cfg.Binding {
	case BindTransaction:
		var err error
		if bound, err = challenge(f.ctx, f.pool, begin); err != nil {
			return nil, err
		}
		explicit = false
	case BindSession:
		bound = sessionOf(f.pool.Conn()).pid
	}
	frame := f.calls[:0]
	if explicit {
		frame = append(frame, call{sql: begin})
	}
	return append(frame, call{sql: sqlEnter, token: f.token(bound, calls), echo: nextEcho()}), nil
}

// token is for the first of the calls. What is bound to the session is used
// again there for the same statement in the same scope.
func (f *flight) token(bound string, calls []call) []byte {
	c := f.conn
	sql := ""
	if len(calls) > 0 {
		sql = calls[0].sql
	}
	action, now := actionOf(f.ctx, sql), time.Now()
	mode := bindingModes[c.db.cfg.Binding]
	p := sessionOf(f.pool.Conn()).known[sql]
	if c.db.cfg.Binding != BindSession || p == nil {
		return c.db.signer.token(&c.scope, action, mode, bound, now)
	}
	if !p.token.good(&c.scope, action, now) {
		p.token = lastToken{
			text:   c.db.signer.token(&c.scope, action, mode, bound, now),
			tenant: c.scope.tenant, reach: c.scope.reach, claims: c.scope.claims, action: action,
			made: now.Round(0), // by the wall clock: the other one may stand still while a machine sleeps
		}
	}
	return p.token.text
}

// challenge begins the transaction and asks what this backend will bind a
// token to in it.
func challenge(ctx context.Context, conn *pgxpool.Conn, begin string) (string, error) {
	results, err := depart(ctx, conn.Conn(), []call{{sql: begin}, {sql: sqlChallenge}}, new(answers))
	if err != nil {
		return "", err
	}
	var bound string
	if _, err = results.Exec(); err == nil {
		var rows pgx.Rows
		if rows, err = results.Query(); err == nil {
			bound, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
		}
	}
	if end := results.Close(); err == nil {
		err = end
	}
	return bound, err
}

// bindingModes are the letters of the bindings in a token.
var bindingModes = [...]byte{BindSession: 's', BindTransaction: 'x', BindNone: 'u'}

// depart sends the calls in one flush with one Sync. The answers are written to
// where the caller has room for them.
func depart(ctx context.Context, conn *pgx.Conn, calls []call, room *answers) (results, error) {
	s := sessionOf(conn)
	if s.tracer != nil {
		return s.sendTraced(ctx, conn, calls, room)
	}
	if err := s.send(ctx, conn.PgConn(), calls, room); err != nil {
		return nil, err
	}
	return room, nil
}

// fly sends the calls and reads the results of the first ones, those of the
// frame. On an error nothing of them is left open.
func (f *flight) fly(calls []call, frame int) error {
	conn := f.pool.Conn()
	f.answers.sent = f.sent[:0]
	results, err := depart(f.ctx, conn, calls, &f.answers)
	if err != nil {
		return checkProtocol(conn, err)
	}
	for i := range calls[:frame] {
		if c := &calls[i]; c.token != nil {
			err = hear(results, c.echo)
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			_ = results.Close() // repeats the error
			return checkProtocol(conn, err)
		}
	}
	f.results = results
	return nil
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
