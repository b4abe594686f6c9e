package tenancy

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// traced are answers that a BatchTracer is shown as they are read, as it would
// be shown those of pgx's own batch.
type traced struct {
	answers *answers
	ctx     context.Context
	conn    *pgx.Conn
	calls   []call
	next    int
	rows    pgx.Rows // of the call before next, nil once it was shown
	began   time.Time
	closed  bool
}

func (s *session) sendTraced(ctx context.Context, conn *pgx.Conn, calls []call, room *answers) (results, error) {
	var b pgx.Batch
	for i := range calls {
		b.Queue(calls[i].sql, calls[i].arguments()...)
	}
	ctx = s.tracer.TraceBatchStart(ctx, conn, pgx.TraceBatchStartData{Batch: &b})
	if err := s.send(ctx, conn.PgConn(), calls, room); err != nil {
		s.tracer.TraceBatchEnd(ctx, conn, pgx.TraceBatchEndData{Err: err})
		return nil, err
	}
	return &traced{answers: room, ctx: ctx, conn: conn, calls: calls}, nil
}

func (t *traced) begin() {
	t.settle()
	t.began = time.Now()
	t.next++
}

// settle shows the rows that were read last.
func (t *traced) settle() {
	if t.rows != nil {
		t.rows.Close()
		t.show(t.rows.CommandTag(), t.rows.Err())
		t.rows = nil
	}
}

func (t *traced) show(tag pgconn.CommandTag, err error) {
	if t.next > len(t.calls) {
		return
	}
	c := t.calls[t.next-1]
	t.answers.session.tracer.TraceBatchQuery(t.ctx, t.conn, pgx.TraceBatchQueryData{
		SQL: c.sql, Args: c.arguments(), CommandTag: tag, Err: err, ReadStartTime: t.began,
	})
}

func (t *traced) Exec() (pgconn.CommandTag, error) {
	t.begin()
	tag, err := t.answers.Exec()
	t.show(tag, err)
	return tag, err
}

func (t *traced) Query() (pgx.Rows, error) {
	t.begin()
	rows, err := t.answers.Query()
	if err != nil {
		t.show(pgconn.CommandTag{}, err)
		return nil, err
	}
	t.rows = rows
	return rows, nil
}

// Close shows what nobody has read, too.
func (t *traced) Close() error {
	if t.closed {
		return t.answers.Close()
	}
	t.closed = true
	t.settle()
	for t.next < len(t.calls) {
		if _, err := t.Exec(); err != nil {
			break
		}
	}
	err := t.answers.Close()
	t.answers.session.tracer.TraceBatchEnd(t.ctx, t.conn, pgx.TraceBatchEndData{Err: err})
	return err
}
