package leaktest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A session is one connection in one transaction that is never committed. What
// an attack does is undone by going back to the savepoint before it, and with
// it the role, the settings and the tenant that the attack ran under.
type session struct {
	w     *world
	conn  *pgx.Conn
	depth int

	borrowed bool // whoever lent it closes it

	// disturbed notes that another session kept a statement from its answer: a
	// deadlock, a lock that was not given.
	disturbed bool
}

// open begins a session as the administrator.
func (w *world) open(ctx context.Context) (*session, error) {
	if w.shared != nil {
		w.shared.borrowed = true
		return w.shared, nil
	}
	s, err := w.target.open(ctx)
	if err == nil {
		s.w = w
	}
	return s, err
}

func (t *target) open(ctx context.Context) (*session, error) {
	conn, err := connect(ctx, t.config)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn}
	if err := s.begin(ctx); err != nil {
		closeConn(conn)
		return nil, err
	}
	return s, nil
}

// keep commits what was done so far, for other sessions to see.
func (s *session) keep(ctx context.Context) error {
	if err := s.must(ctx, "commit"); err != nil {
		return err
	}
	return s.begin(ctx)
}

func (s *session) begin(ctx context.Context) error {
	for _, sql := range []string{
		"begin", "set local statement_timeout = '20s'", "set local lock_timeout = '5s'",
		"set local idle_in_transaction_session_timeout = '600s'", "set local client_min_messages = 'error'",
	} {
		if err := s.must(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) close() {
	if !s.borrowed {
		closeConn(s.conn)
	}
}

// An outcome is what the server answered to one statement.
type outcome struct {
	rows     [][]string // text; null is the text nullText
	affected int64
	err      *pgconn.PgError
}

// nullText stands for NULL in results.
const nullText = "\x00null"

func (o outcome) code() string {
	if o.err == nil {
		return ""
	}
	return o.err.Code
}

// interrupted says that the server gave up because of time or other sessions,
// which says nothing about what was asked.
func (o outcome) interrupted() bool {
	switch o.code() {
	case "57014", "55P03", "40P01", "40001":
		return true
	}
	return false
}

// refused says that the server refused for want of a privilege or because of
// a policy.
func (o outcome) refused() bool { return o.code() == "42501" }

func (o outcome) String() string {
	switch {
	case o.err != nil:
		return fmt.Sprintf("SQLSTATE %s: %s", o.err.Code, o.err.Message)
	case len(o.rows) > 0:
		return count(len(o.rows), "row")
	}
	return count(int(o.affected), "row")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// run executes one statement. The error is one of the connection, or the
// server's when it says that the server goes away: both end the run. What the
// server says about the statement is in the outcome.
func (s *session) run(ctx context.Context, sql string) (outcome, error) {
	rows, err := s.conn.Query(ctx, sql)
	if err == nil {
		var o outcome
		for rows.Next() {
			o.rows = append(o.rows, texts(rows.RawValues()))
		}
		rows.Close()
		if err = rows.Err(); err == nil {
			o.affected = rows.CommandTag().RowsAffected()
			return o, nil
		}
	}
	return s.failed(ctx, err)
}

// failed tells what the server said about a statement from the end of the run.
func (s *session) failed(ctx context.Context, err error) (outcome, error) {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && !fatal(pg) && ctx.Err() == nil {
		o := outcome{err: pg}
		s.disturbed = s.disturbed || o.interrupted()
		return o, nil
	}
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	return outcome{}, fmt.Errorf("the server went away: %w", plain(err))
}

// fatal says whether the server ended the session, or ran out of something:
// then no answer means anything any more.
func fatal(pg *pgconn.PgError) bool {
	return strings.HasPrefix(pg.Code, "53") || pg.Severity == "FATAL" || pg.Severity == "PANIC" || strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P")
}

func texts(values [][]byte) []string {
	out := make([]string, len(values))
	for i, v := range values {
		if v == nil {
			out[i] = nullText
		} else {
			out[i] = string(v)
		}
	}
	return out
}

// must runs a statement of the suite's own, which has to succeed.
func (s *session) must(ctx context.Context, sql string) error {
	o, err := s.run(ctx, sql)
	if err != nil {
		return err
	}
	if o.err != nil {
		return fmt.Errorf("%s: %w", brief(sql), plain(o.err))
	}
	return nil
}

// brief shortens a statement for a message.
func brief(sql string) string {
	sql = strings.Join(strings.Fields(sql), " ")
	if len(sql) > 200 {
		sql = strings.ToValidUTF8(sql[:200], "") + " …"
	}
	return sql
}

// query runs a query of the suite's own, which has to succeed.
func (s *session) query(ctx context.Context, sql string) ([][]string, error) {
	o, err := s.run(ctx, sql)
	if err != nil {
		return nil, err
	}
	if o.err != nil {
		return nil, fmt.Errorf("%s: %w", brief(sql), plain(o.err))
	}
	return o.rows, nil
}

// scope runs fn and undoes what it did.
func (s *session) scope(ctx context.Context, fn func() error) error {
	s.depth++
	name := fmt.Sprintf("wt%d", s.depth)
	defer func() { s.depth-- }()
	if err := s.must(ctx, "savepoint "+name); err != nil {
		return err
	}
	err := fn()
	if back := s.back(ctx, name); back != nil && err == nil {
		err = back
	}
	return err
}

// back undoes everything since the savepoint, and the savepoint itself: each
// that stays open would cost a lock.
func (s *session) back(ctx context.Context, name string) error {
	if err := s.must(ctx, "rollback to savepoint "+name); err != nil {
		return err
	}
	return s.must(ctx, "release savepoint "+name)
}

// try runs one statement and keeps what it did if it succeeded.
func (s *session) try(ctx context.Context, sql string) (outcome, error) {
	s.depth++
	name := fmt.Sprintf("wt%d", s.depth)
	defer func() { s.depth-- }()
	if err := s.must(ctx, "savepoint "+name); err != nil {
		return outcome{}, err
	}
	o, err := s.run(ctx, sql)
	if err != nil {
		return o, err
	}
	if o.err != nil {
		return o, s.back(ctx, name)
	}
	return o, s.must(ctx, "release savepoint "+name)
}

// become turns the session into the application's, without a tenant, until the
// scope ends.
func (s *session) become(ctx context.Context) error {
	// The settings first: the application itself may not be allowed set_config.
	for _, set := range s.w.appSettings {
		if err := s.must(ctx, set); err != nil {
			return fmt.Errorf("give the session the settings of the application's role: %w", err)
		}
	}
	if err := s.must(ctx, s.w.become); err != nil {
		return fmt.Errorf("act as the application's role: %w", err)
	}
	return nil
}

// admin turns the session back into the administrator's.
func (s *session) admin(ctx context.Context) error { return s.must(ctx, s.w.unbecome) }

// enter enters the tenant as the application does. The outcome says whether the
// server let it.
func (s *session) enter(ctx context.Context, t *tenant) (outcome, error) {
	for _, sql := range s.w.context.statements(s, t) {
		if o, err := s.run(ctx, sql); err != nil || o.err != nil {
			return o, err
		}
	}
	return outcome{}, nil
}

// as runs fn as the application inside the tenant, and undoes it.
func (s *session) as(ctx context.Context, t *tenant, fn func() error) error {
	return s.scope(ctx, func() error {
		if err := s.become(ctx); err != nil {
			return err
		}
		o, err := s.enter(ctx, t)
		if err != nil {
			return err
		}
		if o.err != nil {
			return fmt.Errorf("enter a tenant: %w (say how the application does by --enter or --tenant-setting)", plain(o.err))
		}
		return fn()
	})
}
