package ways

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
)

// statements are what the operations send, with the table to be filled in.
var statements = struct{ point, list, insert, update, upsert string }{
	point:  "select subject, amount, at from bench.% where tenant_id = $1 and id = $2",
	list:   "select id, subject, amount, at from bench.% where tenant_id = $1 and at >= $2 order by at limit 50",
	insert: "insert into bench.% (tenant_id, id, subject, amount, at) values ($1, $2, $3, $4, $5)",
	update: "update bench.% set subject = $3, amount = amount + 1 where tenant_id = $1 and id = $2",
	upsert: "insert into bench.% (tenant_id, id, subject, amount, at) values ($1, $2, $3, $4, $5) " +
		"on conflict (tenant_id, id) do update set amount = excluded.amount",
}

// firstTime is the time of the first row; each has a minute more.
var firstTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// columns of the tables, in the order of the inserts.
var columns = []string{"tenant_id", "id", "subject", "amount", "at"}

// writes are the operations that leave events in the audit log.
var writes = []string{"insert", "update", "upsert", "tx5", "batch5", "bulk1000", "bulk100000"}

// An Operation is something that a service does for a tenant.
type Operation struct {
	Name  string
	Title string
	Rows  int // inserted at once, of the bulk operations

	run func(ctx context.Context, way Way, s *session) error
}

// Operations are all of them, in the order of the tables.
func Operations() []Operation {
	return []Operation{
		{Name: "point", Title: "point read", run: one(point)},
		{Name: "list50", Title: "list of 50", run: one(list)},
		{Name: "insert", Title: "insert", run: one(insert)},
		{Name: "update", Title: "update", run: one(update)},
		{Name: "upsert", Title: "upsert", run: one(upsert)},
		{Name: "tx5", Title: "transaction of five", run: five},
		{Name: "batch5", Title: "five as one batch", run: fiveBatched},
		{Name: "bulk1000", Title: "insert of 1,000 rows", Rows: 1_000, run: bulk(1_000)},
		{Name: "bulk100000", Title: "insert of 100,000 rows", Rows: 100_000, run: bulk(100_000)},
	}
}

// A session is one goroutine's part in an operation: the statements for its
// way's table, and whose rows are next.
type session struct {
	world *World
	sql   struct{ point, list, insert, update, upsert string }
	table string
	rand  *rand.Rand
	t     tenancy.ID
}

// Worker returns a function that does the operation once, for a tenant and
// rows that are chosen anew each time. Each goroutine takes one of its own.
func (o Operation) Worker(w *World, k Kind, way Way, seed uint64) func(context.Context) error {
	s := &session{world: w, table: k.Table, rand: rand.New(rand.NewPCG(seed, 0))}
	s.sql.point, s.sql.list = inTable(statements.point, k.Table), inTable(statements.list, k.Table)
	s.sql.insert, s.sql.update = inTable(statements.insert, k.Table), inTable(statements.update, k.Table)
	s.sql.upsert = inTable(statements.upsert, k.Table)
	return func(ctx context.Context) error {
		s.t = w.Tenants[s.rand.IntN(len(w.Tenants))]
		return o.run(ctx, way, s)
	}
}

func inTable(sql, table string) string { return strings.Replace(sql, "%", table, 1) }

// id is of a row that is there from the beginning.
func (s *session) id() int64 { return 1 + s.rand.Int64N(int64(s.world.Rows)) }

// fresh ids are above those of the beginning and never used twice.
var fresh atomic.Int64

func newID() int64 { return 1<<40 + fresh.Add(1) }

func minutes(n int64) time.Time { return firstTime.Add(time.Duration(n) * time.Minute) }

func one(fn func(context.Context, Statements, *session) error) func(context.Context, Way, *session) error {
	return func(ctx context.Context, way Way, s *session) error {
		return way.One(ctx, s.t, func(ctx context.Context, q Statements) error { return fn(ctx, q, s) })
	}
}

func point(ctx context.Context, q Statements, s *session) error {
	return scanPoint(q.QueryRow(ctx, s.sql.point, s.t, s.id()))
}

func scanPoint(row pgx.Row) error {
	var (
		subject string
		amount  int32
		at      time.Time
	)
	return row.Scan(&subject, &amount, &at)
}

func list(ctx context.Context, q Statements, s *session) error {
	rows, err := q.Query(ctx, s.sql.list, s.t, minutes(1+s.rand.Int64N(int64(max(1, s.world.Rows-50)))))
	if err != nil {
		return err
	}
	var (
		n       int
		id      int64
		subject string
		amount  int32
		at      time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &subject, &amount, &at}, func() error { n++; return nil })
	if err == nil && n == 0 {
		return errors.New("the list is empty: nothing was measured")
	}
	return err
}

func insert(ctx context.Context, q Statements, s *session) error {
	id := newID()
	return changed(q, ctx, s.sql.insert, s.t, id, "a new one", int32(1), minutes(id&0xffff))
}

func update(ctx context.Context, q Statements, s *session) error {
	return changed(q, ctx, s.sql.update, s.t, s.id(), "another")
}

func upsert(ctx context.Context, q Statements, s *session) error {
	id := s.id()
	return changed(q, ctx, s.sql.upsert, s.t, id, "a new one", int32(s.rand.IntN(1000)), minutes(id))
}

// changed runs a statement that must change one row: an operation that finds
// none has measured something else.
func changed(q Statements, ctx context.Context, sql string, args ...any) error {
	tag, err := q.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() != 1 {
		return fmt.Errorf("%s changed %d rows, not one", tag, tag.RowsAffected())
	}
	return err
}

// five are two reads, two writes and a read.
func five(ctx context.Context, way Way, s *session) error {
	return way.Tx(ctx, s.t, func(ctx context.Context, q Statements) error {
		for _, fn := range []func(context.Context, Statements, *session) error{point, point, update, insert, point} {
			if err := fn(ctx, q, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// fiveBatched is compared with the floor sending one by one: that is what a
// batch replaces.
func fiveBatched(ctx context.Context, way Way, s *session) error {
	if _, ok := way.(*floor); ok {
		return five(ctx, way, s)
	}
	var b pgx.Batch
	b.Queue(s.sql.point, s.t, s.id()).QueryRow(scanPoint)
	b.Queue(s.sql.point, s.t, s.id()).QueryRow(scanPoint)
	b.Queue(s.sql.update, s.t, s.id(), "another")
	id := newID()
	b.Queue(s.sql.insert, s.t, id, "a new one", int32(1), minutes(id&0xffff))
	b.Queue(s.sql.point, s.t, s.id()).QueryRow(scanPoint)
	return way.Batch(ctx, s.t, &b)
}

func bulk(rows int) func(context.Context, Way, *session) error {
	return func(ctx context.Context, way Way, s *session) error {
		src := pgx.CopyFromSlice(rows, func(int) ([]any, error) {
			id := newID()
			return []any{s.t, id, "a new one", int32(1), minutes(id & 0xffff)}, nil
		})
		n, err := way.Load(ctx, s.t, pgx.Identifier{"bench", s.table}, columns, src)
		if err == nil && n != int64(rows) {
			return fmt.Errorf("inserted %d rows of %d", n, rows)
		}
		return err
	}
}
