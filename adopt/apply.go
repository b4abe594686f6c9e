package adopt

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/schema"
)

// Run says how to apply or revert a plan. The zero value is right.
type Run struct {
	// To is the step to end with. Apply defaults to the last; Revert goes back
	// to where this step had ended, 0 takes the whole plan back.
	To int

	// LockTimeout is how long a statement may wait for a lock, and so how long
	// others may have to wait behind it. Defaults to two seconds.
	LockTimeout time.Duration

	// Attempts is how often a statement that got no lock is tried. Defaults to 60.
	Attempts int

	// Rest is how long a batch of the backfill is followed by rest, in parts of
	// the time that it took: 1 leaves half of the time to others. Defaults to 1;
	// negative means none.
	Rest float64

	// Blocks is how many blocks of 8 kB a batch reads. Defaults to 128.
	Blocks int

	// Progress, if not nil, is told of each statement before it runs, of each
	// batch, and of each new attempt.
	Progress func(Event)

	// observe, if not nil, stands around each statement in its transaction: for
	// tests.
	observe func(ctx context.Context, tx pgx.Tx, statement string, run func() error) error
}

// An Event is something to show to whoever waits.
type Event struct {
	Step            *Step
	Statement, Last int    // 1 to Last
	SQL             string // the statement
	Note            string // a batch, or why it is tried again; empty at the beginning
}

func (r Run) withDefaults() Run {
	if r.LockTimeout == 0 {
		r.LockTimeout = 2 * time.Second
	}
	if r.Attempts == 0 {
		r.Attempts = 60
	}
	if r.Rest == 0 {
		r.Rest = 1
	}
	if r.Blocks == 0 {
		r.Blocks = 128
	}
	if r.Progress == nil {
		r.Progress = func(Event) {}
	}
	if r.observe == nil {
		r.observe = func(_ context.Context, _ pgx.Tx, _ string, run func() error) error { return run() }
	}
	return r
}

// Apply applies the steps of a plan that were not applied yet, up to Run.To. It
// goes on inside a step that an earlier run left, and waits for that run if the
// server is still busy with it.
func Apply(ctx context.Context, url string, steps []*Step, cfg Run) error {
	if cfg.To == 0 {
		cfg.To = len(steps)
	}
	if cfg.To < 0 || cfg.To > len(steps) {
		return fmt.Errorf("there is no step %d (the plan has %d)", cfg.To, len(steps))
	}
	return withRunner(ctx, url, steps, cfg, func(r *runner) error {
		if err := r.fresh(ctx); err != nil {
			return err
		}
		for _, s := range steps[:cfg.To] {
			at := r.state[s.Number]
			if at.reverts {
				return fmt.Errorf("step %d was being taken back (watertight adopt revert finishes that first)", s.Number)
			}
			if !at.finished {
				if err := r.run(ctx, s, false, at.done); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Revert takes the steps behind Run.To back, the last one first.
func Revert(ctx context.Context, url string, steps []*Step, cfg Run) error {
	if cfg.To < 0 || cfg.To > len(steps) {
		return fmt.Errorf("there is no step %d (the plan has %d)", cfg.To, len(steps))
	}
	return withRunner(ctx, url, steps, cfg, func(r *runner) error {
		for _, s := range slices.Backward(steps[cfg.To:]) {
			at, begun := r.state[s.Number]
			if !begun {
				continue
			}
			if !at.reverts && !at.finished && s.Whole {
				if err := r.run(ctx, s, false, at.done); err != nil {
					return err
				}
			}
			done := 0
			if at.reverts {
				done = at.done
			}
			if err := r.run(ctx, s, true, done); err != nil {
				return err
			}
		}
		return nil
	})
}

// Applied returns the number of the last step that is applied.
func Applied(ctx context.Context, url string, steps []*Step) (int, error) {
	last := 0
	err := withRunner(ctx, url, steps, Run{}, func(r *runner) error {
		for n, at := range r.state {
			if at.finished && !at.reverts {
				last = max(last, n)
			}
		}
		return nil
	})
	return last, err
}

// A runner runs statements over one connection.
type runner struct {
	Run
	url   string
	conn  *pgx.Conn
	steps []*Step
	state map[int]stepState
	event Event
}

type stepState struct {
	reverts, finished bool
	done              int // statements
}

// lockKey is the advisory lock that runs on one database take, so that two
// never mix.
const lockKey = 0x7761746572 // "water"

func withRunner(ctx context.Context, url string, steps []*Step, cfg Run, do func(*runner) error) error {
	r := &runner{Run: cfg.withDefaults(), url: url, steps: steps}
	pc, err := pgx.ParseConfig(url)
	if err != nil {
		return errors.New("the database URL could not be read (postgres://USER@HOST:PORT/DATABASE)")
	}
	// With the connection, not by SET: a statement that fails takes nothing back.
	for name, value := range map[string]string{
		"application_name": "watertight adopt", "search_path": "pg_catalog",
		"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
		"watertight_adopt.rest": strconv.FormatFloat(max(r.Rest, 0), 'f', -1, 64), "watertight_adopt.blocks": strconv.Itoa(r.Blocks),
	} {
		pc.RuntimeParams[name] = value
	}
	pc.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Severity == "NOTICE" && r.event.Step != nil {
			e := r.event
			e.Note = n.Message
			r.Progress(e)
		}
	}
	if r.conn, err = pgx.ConnectConfig(ctx, pc); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer func() { _ = r.conn.Close(context.WithoutCancel(ctx)) }()
	if err := r.begin(ctx); err != nil {
		return err
	}
	return do(r)
}

// begin makes sure that this run may work, and is the only one.
func (r *runner) begin(ctx context.Context) error {
	var sees bool
	if err := r.conn.QueryRow(ctx, "select rolsuper or rolbypassrls from pg_roles where rolname = current_user").Scan(&sees); err != nil {
		return fmt.Errorf("read the role: %w", withoutRow(err))
	}
	if !sees {
		return errors.New("the role does not see every row, so what it checks would prove nothing (use a superuser, or a role with BYPASSRLS that owns the tables)")
	}
	// Waits for the server to notice that an earlier run was killed.
	if _, err := r.conn.Exec(ctx, "select pg_advisory_lock($1)", int64(lockKey)); err != nil {
		return fmt.Errorf("wait for another run: %w", withoutRow(err))
	}
	return r.readState(ctx)
}

func (r *runner) readState(ctx context.Context) error {
	r.state = map[int]stepState{}
	begun, err := r.noting(ctx, r.conn)
	if err != nil || !begun {
		return err
	}
	rows, err := r.conn.Query(ctx, "select number, file, reverts, finished, done from watertight_adopt.step")
	if err != nil {
		return fmt.Errorf("read how far the plan is: %w", withoutRow(err))
	}
	var (
		n    int
		file string
		at   stepState
	)
	if _, err := pgx.ForEachRow(rows, []any{&n, &file, &at.reverts, &at.finished, &at.done}, func() error {
		if n < 1 || n > len(r.steps) || r.steps[n-1].File() != file {
			return fmt.Errorf("the database has step %d of another plan, %s (use the folder that it came from)", n, file)
		}
		r.state[n] = at
		return nil
	}); err != nil {
		return withoutRow(err)
	}
	return nil
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// noting says whether there is a place for notes.
func (r *runner) noting(ctx context.Context, q querier) (bool, error) {
	var there bool
	if err := q.QueryRow(ctx, "select to_regclass('watertight_adopt.step') is not null").Scan(&there); err != nil {
		return false, fmt.Errorf("look for the plan's notes: %w", withoutRow(err))
	}
	return there, nil
}

// fresh compares the schema with that of the plan before its first statement.
func (r *runner) fresh(ctx context.Context) error {
	if len(r.state) > 0 || r.steps[0].schema == "" {
		return nil
	}
	tx, err := r.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("begin to read the schema: %w", withoutRow(err))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	m, err := readModel(ctx, tx, Config{})
	if err != nil {
		return err
	}
	if m.fingerprint() != r.steps[0].schema {
		return errors.New("the schema has changed since the plan was written (write the plan again)")
	}
	return nil
}

// run runs the statements of a step from one of them on.
func (r *runner) run(ctx context.Context, s *Step, reverts bool, from int) error {
	list := s.Up
	if reverts {
		list = s.Down
	}
	for i := from; i <= len(list); i++ {
		if i == len(list) {
			if i == 0 || i == from {
				// Nothing is left to do that could note the end of the step.
				if err := r.noteAlone(ctx, s, reverts, i, i); err != nil {
					return err
				}
			}
			break
		}
		r.event = Event{Step: s, Statement: i + 1, Last: len(list), SQL: list[i]}
		r.Progress(r.event)
		if err := r.statement(ctx, s, list[i], reverts, i+1, len(list)); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("step %s, statement %d of %d: %w", s.File(), i+1, len(list), err)
		}
	}
	return nil
}

var (
	outside         = regexp.MustCompile(`(?is)^\s*(?:call\s|create\s+(?:unique\s+)?index\s+concurrently\s|drop\s+index\s+concurrently\s)`)
	createdIndex    = regexp.MustCompile(`(?is)^\s*create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?("(?:[^"]|"")+"|\S+)\s+on\s+((?:"(?:[^"]|"")+"|[^\s."]+)\.)?`)
	errGaveUpOnLock = errors.New("others held on to what it needs")
)

// statement runs one statement and notes that it did.
func (r *runner) statement(ctx context.Context, s *Step, sql string, reverts bool, done, last int) error {
	switch {
	case sql == installDirective:
		if _, err := schema.Migrate(ctx, r.url, schema.Config{}); err != nil {
			return err
		}
		return r.noteAlone(ctx, s, reverts, done, last)
	case sql == uninstallDirective:
		if err := schema.Down(ctx, r.url); err != nil {
			return err
		}
		return r.noteAlone(ctx, s, reverts, done, last)
	case outside.MatchString(sql):
		return r.patiently(ctx, func() error {
			if err := r.clearInvalid(ctx, sql); err != nil {
				return err
			}
			if _, err := r.conn.Exec(ctx, sql); err != nil && !r.alreadyBuilt(ctx, sql, err) {
				return err
			}
			return r.noteAlone(ctx, s, reverts, done, last)
		})
	}
	return r.patiently(ctx, func() error {
		return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "select set_config('lock_timeout', $1, true)", strconv.FormatInt(r.LockTimeout.Milliseconds(), 10)); err != nil {
				return err
			}
			if err := r.observe(ctx, tx, sql, func() error { _, err := tx.Exec(ctx, sql); return err }); err != nil {
				return err
			}
			return r.note(ctx, tx, s, reverts, done, last)
		})
	})
}

// patiently tries again what got no lock, after a while in which those who had
// to wait behind it get theirs.
func (r *runner) patiently(ctx context.Context, do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		var pg *pgconn.PgError
		if err == nil || !errors.As(err, &pg) {
			return err
		}
		if pg.Code != "55P03" && pg.Code != "40P01" {
			return withoutRow(err)
		}
		if attempt == r.Attempts {
			return fmt.Errorf("%w %d times (look in pg_stat_activity for long transactions, then apply the plan again)", errGaveUpOnLock, attempt)
		}
		e := r.event
		e.Note = fmt.Sprintf("waited for a lock in vain, attempt %d of %d", attempt, r.Attempts)
		r.Progress(e)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Duration(attempt)*r.LockTimeout/4, 10*time.Second)):
		}
	}
}

// clearInvalid removes what a killed CREATE INDEX CONCURRENTLY left.
func (r *runner) clearInvalid(ctx context.Context, sql string) error {
	match := createdIndex.FindStringSubmatch(sql)
	if match == nil {
		return nil
	}
	name := match[2] + match[1]
	var invalid bool
	if err := r.conn.QueryRow(ctx, "select exists (select from pg_index where indexrelid = to_regclass($1) and not indisvalid)", name).Scan(&invalid); err != nil || !invalid {
		return err
	}
	_, err := r.conn.Exec(ctx, "drop index concurrently "+name)
	return err
}

// alreadyBuilt says whether the index is there because a run was killed between
// building it and noting that.
func (r *runner) alreadyBuilt(ctx context.Context, sql string, err error) bool {
	var pg *pgconn.PgError
	match := createdIndex.FindStringSubmatch(sql)
	if match == nil || !errors.As(err, &pg) || pg.Code != "42P07" {
		return false
	}
	var valid bool
	if r.conn.QueryRow(ctx, "select exists (select from pg_index where indexrelid = to_regclass($1) and indisvalid)", match[2]+match[1]).Scan(&valid) != nil {
		return false
	}
	return valid
}

func (r *runner) noteAlone(ctx context.Context, s *Step, reverts bool, done, last int) error {
	err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error { return r.note(ctx, tx, s, reverts, done, last) })
	return withoutRow(err)
}

// note writes down how far a step is; one that is taken back entirely leaves no
// note. Before the plan's first statement and after its last way back there is
// no place for notes.
func (r *runner) note(ctx context.Context, tx pgx.Tx, s *Step, reverts bool, done, last int) error {
	there, err := r.noting(ctx, tx)
	if err != nil || !there {
		return err
	}
	if reverts && done == last {
		_, err = tx.Exec(ctx, "delete from watertight_adopt.step where number = $1", s.Number)
		return err
	}
	_, err = tx.Exec(ctx, `
insert into watertight_adopt.step (number, file, reverts, done, finished) values ($1, $2, $3, $4, $5)
on conflict (number) do update set reverts = excluded.reverts, done = excluded.done, finished = excluded.finished, at = now()`,
		s.Number, s.File(), reverts, done, done == last)
	return err
}
