//go:build unix

package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/tenancy"
)

// mostRows of a tenant are there: one that has more deletes instead of adding.
const mostRows = 50

// handful is how many rows CopyFrom brings and a delete takes.
const handful = 8

// An operation is what a tenant does. It enters in the books what it was told,
// and returns an error for the tally.
type operation struct {
	name string
	adds bool // to the tenant's rows
	do   func(s *soak, ctx context.Context, b *book, scope tenancy.Scope, r *rand.Rand) error
}

var operations = [...]operation{
	{"insert", true, (*soak).insert},
	{"list", false, (*soak).list},
	{"read one row", false, (*soak).readOne},
	{"update", false, (*soak).update},
	{"delete", false, (*soak).remove},
	{"batch", true, (*soak).insertInBatch},
	{"CopyFrom", true, (*soak).insertMany},
	{"Tx", true, (*soak).insertPair},
	{"Tx that is rolled back", false, (*soak).changeNothing},
	{"Tx with a savepoint", true, (*soak).insertAroundSavepoint},
	{"RetryTx", false, (*soak).updatePair},
	{"ReadTx", false, (*soak).readTwice},
	{"Admit", false, (*soak).admit},
	{"try another tenant", false, (*soak).stray},
}

const deletes = 4 // its place in operations

// once does something for some tenant.
func (s *soak) once(r *rand.Rand) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	i, tenant := r.IntN(len(operations)), r.IntN(len(s.books))
	b := s.books[tenant]
	if operations[i].adds && b.size() >= mostRows {
		i = deletes
	}
	err := s.asTenant(func(ctx context.Context) error { return operations[i].do(s, ctx, b, s.scopes[tenant], r) })
	if err == nil {
		s.acks.Add(1)
		s.kinds[i].Add(1)
		return
	}
	s.note(fmt.Errorf("%s: %w", operations[i].name, err))
	time.Sleep(rest)
}

// expected are the names that an error may have here.
var expected = map[string]bool{
	"ErrUnavailable": true, "ErrCommitUnknown": true, "context.DeadlineExceeded": true,
	"57014": true, // statement_timeout
}

// dying are the faults in which a server says that it ends the session. What it
// says may come right behind the answer to a statement that is being prepared,
// and is then more than was asked for, which is ErrProtocol.
var dying = map[string]bool{
	"one backend is killed": true, "the server is killed and started again": true, "sessions are ended by an administrator": true,
}

// errFound: an operation found what must not be, and has reported it.
var errFound = errors.New("reported")

func (s *soak) note(err error) {
	if errors.Is(err, errFound) {
		return
	}
	s.failed.Add(1)
	name := nameOf(err)
	s.mu.Lock()
	s.seen[name]++
	fault := s.fault
	if fault != "" {
		s.under[fault][name]++
	}
	s.mu.Unlock()
	if !expected[name] && !(name == "ErrProtocol" && dying[fault]) || strings.Contains(err.Error(), s.Name) {
		s.report(fmt.Errorf("%w (while %s)", err, cmp.Or(fault, "nothing is broken")))
	}
}

func (s *soak) wrong(b *book, format string, args ...any) error {
	s.report(fmt.Errorf("tenant %s: %s", b.tenant, fmt.Sprintf(format, args...)))
	return errFound
}

func (s *soak) fresh(n int) []*record {
	records := make([]*record, n)
	for i := range records {
		records[i] = &record{id: s.lastID.Add(1)}
	}
	return records
}

func (s *soak) insert(ctx context.Context, b *book, scope tenancy.Scope, _ *rand.Rand) error {
	row := s.fresh(1)
	err := s.add(ctx, s.db.For(scope), row[0].id)
	s.added(b, ofStatement(err), row...)
	return err
}

func (s *soak) list(ctx context.Context, _ *book, scope tenancy.Scope, _ *rand.Rand) error {
	return s.lookAll(ctx, s.db.For(scope))
}

func (s *soak) lookAll(ctx context.Context, c *tenancy.Conn) error {
	n, err := s.look(ctx, c)
	s.rows.Add(int64(n))
	return err
}

// readOne reads a row that must be there, with what was written to it.
func (s *soak) readOne(ctx context.Context, b *book, scope tenancy.Scope, r *rand.Rand) error {
	taken := b.take(r, 1)
	defer b.give(taken...)
	for _, row := range taken {
		var e stored
		err := s.db.For(scope).QueryRow(ctx, "select tenant_id, id, seal, amount from app.entries where id = $1", row.id).
			Scan(&e.Tenant, &e.ID, &e.Seal, &e.Amount)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return s.wrong(b, "row %d was acknowledged and cannot be read", row.id)
		case err != nil:
			return err
		case e.Amount < row.least || e.Amount > row.most:
			return s.wrong(b, "row %d has the amount %d, not %d to %d", row.id, e.Amount, row.least, row.most)
		}
		s.rows.Add(1)
		if err := s.seals.readable(b.tenant, []entry{e.entry}); err != nil {
			return err
		}
	}
	return nil
}

// addOne has no predicate on the tenant, so that the database alone keeps it to
// the tenant's row.
const addOne = "update app.entries set amount = amount + 1 where id = any($1)"

func (s *soak) update(ctx context.Context, b *book, scope tenancy.Scope, r *rand.Rand) error {
	taken := b.take(r, 1)
	defer b.give(taken...)
	tag, err := s.db.For(scope).Exec(ctx, addOne, ids(taken))
	changed(ofStatement(err), taken...)
	return s.counted(b, "update", tag, len(taken), err)
}

// counted checks that a statement has met every row that it was for.
func (s *soak) counted(b *book, what string, tag pgconn.CommandTag, want int, err error) error {
	if err == nil && tag.RowsAffected() != int64(want) {
		return s.wrong(b, "%s met %d rows of %d that are there", what, tag.RowsAffected(), want)
	}
	return err
}

func (s *soak) remove(ctx context.Context, b *book, scope tenancy.Scope, r *rand.Rand) error {
	taken := b.take(r, handful)
	if len(taken) == 0 {
		return nil
	}
	tag, err := s.db.For(scope).Exec(ctx, "delete from app.entries where id = any($1)", ids(taken))
	s.removed(b, ofStatement(err), taken...)
	return s.counted(b, "delete", tag, len(taken), err)
}

func (s *soak) insertInBatch(ctx context.Context, b *book, scope tenancy.Scope, _ *rand.Rand) error {
	rows := s.fresh(2)
	var batch pgx.Batch
	for _, row := range rows {
		batch.Queue(addEntry, b.tenant, row.id, s.seals.of(b.tenant, row.id))
	}
	var leaked error
	batch.Queue(lastEntries).Query(func(rows pgx.Rows) error {
		n, err := s.seals.collect(b.tenant, rows)
		s.rows.Add(int64(n))
		if errors.As(err, new(leak)) {
			leaked = err
		}
		return err
	})
	err := s.db.For(scope).SendBatch(ctx, &batch).Close()
	s.added(b, ofStatement(err), rows...)
	return errors.Join(err, leaked)
}

func (s *soak) insertMany(ctx context.Context, b *book, scope tenancy.Scope, _ *rand.Rand) error {
	rows := s.fresh(handful)
	n, err := s.db.For(scope).CopyFrom(ctx, pgx.Identifier{"app", "entries"}, []string{"tenant_id", "id", "seal"},
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			return []any{b.tenant, rows[i].id, s.seals.of(b.tenant, rows[i].id)}, nil
		}))
	s.added(b, ofStatement(err), rows...)
	if err == nil && n != handful {
		return s.wrong(b, "CopyFrom says that it wrote %d rows of %d", n, handful)
	}
	return err
}

func (s *soak) insertPair(ctx context.Context, b *book, scope tenancy.Scope, _ *rand.Rand) error {
	pair := s.fresh(2)
	err := s.db.Tx(ctx, scope, func(ctx context.Context, c *tenancy.Conn) error {
		return inTurn(
			func() error { return s.add(ctx, c, pair[0].id) },
			func() error { return s.lookAll(ctx, c) },
			func() error { return s.add(ctx, c, pair[1].id) },
		)
	})
	s.added(b, ofTx(err), pair...)
	return err
}

func inTurn(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

var errRollback = errors.New("thought better of it")

// changeNothing writes, changes and deletes, and takes it all back. What it does
// is in no book.
func (s *soak) changeNothing(ctx context.Context, b *book, scope tenancy.Scope, r *rand.Rand) error {
	taken := b.take(r, 2)
	defer b.give(taken...)
	err := s.db.Tx(ctx, scope, func(ctx context.Context, c *tenancy.Conn) error {
		return inTurn(
			func() error { return s.add(ctx, c, s.lastID.Add(1)) },
			func() error { _, err := c.Exec(ctx, addOne, ids(taken)); return err },
			func() error {
				_, err := c.Exec(ctx, "delete from app.entries where id = any($1)", ids(taken[len(taken)/2:]))
				return err
			},
			func() error { return errRollback },
		)
	})
	if errors.Is(err, errRollback) {
		return nil
	}
	return err
}

// insertAroundSavepoint writes three rows, of which the one in the middle is
// taken back.
func (s *soak) insertAroundSavepoint(ctx context.Context, b *book, scope tenancy.Scope, _ *rand.Rand) error {
	pair := s.fresh(2)
	err := s.db.Tx(ctx, scope, func(ctx context.Context, c *tenancy.Conn) error {
		return inTurn(
			func() error { return s.add(ctx, c, pair[0].id) },
			func() error {
				err := c.Savepoint(ctx, func(ctx context.Context, c *tenancy.Conn) error {
					return inTurn(func() error { return s.add(ctx, c, s.lastID.Add(1)) }, func() error { return errRollback })
				})
				// The same, not one like it: joined with it is why it could not be taken back.
				if err == errRollback { //nolint:errorlint // see above
					return nil
				}
				return err
			},
			func() error { return s.add(ctx, c, pair[1].id) },
		)
	})
	s.added(b, ofTx(err), pair...)
	return err
}

// updatePair adds to two rows, once, however often it is tried.
func (s *soak) updatePair(ctx context.Context, b *book, scope tenancy.Scope, r *rand.Rand) error {
	pair := b.take(r, 2)
	defer b.give(pair...)
	err := s.db.RetryTx(ctx, scope, tenancy.Retry{}, func(ctx context.Context, c *tenancy.Conn) error {
		for _, row := range pair {
			tag, err := c.Exec(ctx, addOne, ids([]*record{row}))
			if err := s.counted(b, "RetryTx", tag, 1, err); err != nil {
				return err
			}
		}
		return nil
	})
	changed(ofTx(err), pair...)
	return err
}

func (s *soak) readTwice(ctx context.Context, _ *book, scope tenancy.Scope, _ *rand.Rand) error {
	return s.db.ReadTx(ctx, scope, func(ctx context.Context, c *tenancy.Conn) error {
		return inTurn(func() error { return s.lookAll(ctx, c) }, func() error { return s.lookAll(ctx, c) })
	})
}

// admit lets the registry say who the tenant is, and not one who is another's.
func (s *soak) admit(ctx context.Context, b *book, scope tenancy.Scope, r *rand.Rand) error {
	admitted, err := s.db.Admit(ctx, scope.Actor(), b.tenant)
	if err != nil {
		return err
	}
	if err := s.lookAll(ctx, s.db.For(admitted)); err != nil {
		return err
	}
	other := s.other(b, r)
	_, err = s.db.Admit(ctx, scope.Actor(), other.tenant)
	return s.refusal(b, "be admitted to another tenant", err, errors.Is(err, tenancy.ErrNotAdmitted))
}

func (s *soak) other(b *book, r *rand.Rand) *book {
	for {
		if other := s.books[r.IntN(len(s.books))]; other != b {
			return other
		}
	}
}

// refusal counts an attempt that was refused, and reports one that was not.
func (s *soak) refusal(b *book, what string, err error, refused bool) error {
	switch {
	case refused:
		s.refused.Add(1)
		return nil
	case err == nil:
		return s.wrong(b, "LEAK: could %s", what)
	}
	return err
}

// stray tries to reach another tenant's row, whose id it knows, in one of the
// ways that SQL has.
func (s *soak) stray(ctx context.Context, b *book, scope tenancy.Scope, r *rand.Rand) error {
	other, c := s.other(b, r), s.db.For(scope)
	target := other.peek(r)
	if target == 0 {
		return nil
	}
	var pg *pgconn.PgError
	switch id := s.lastID.Add(1); r.IntN(5) {
	case 0:
		var e entry
		err := c.QueryRow(ctx, "select tenant_id, id, seal from app.entries where id = $1", target).Scan(&e.Tenant, &e.ID, &e.Seal)
		return s.refusal(b, "read another tenant's row", err, errors.Is(err, pgx.ErrNoRows))
	case 1:
		tag, err := c.Exec(ctx, addOne, []int64{target})
		return s.refusal(b, "change another tenant's row", err, err == nil && tag.RowsAffected() == 0)
	case 2:
		tag, err := c.Exec(ctx, "delete from app.entries where id = any($1)", []int64{target})
		return s.refusal(b, "delete another tenant's row", err, err == nil && tag.RowsAffected() == 0)
	case 3:
		_, err := c.Exec(ctx, addEntry, other.tenant, id, s.seals.of(other.tenant, id))
		return s.refusal(b, "name another tenant", err, errors.Is(err, tenancy.ErrTenantMismatch))
	default:
		// In two halves, so that the handle does not recognise it: the policy must.
		half := other.tenant.String()
		_, err := c.Exec(ctx, "insert into app.entries (tenant_id, id, seal) values (($1::text || $2::text)::uuid, $3, $4)",
			half[:uuidHalf], half[uuidHalf:], id, s.seals.of(other.tenant, id))
		return s.refusal(b, "write for another tenant", err, errors.As(err, &pg) && pg.Code == "42501")
	}
}

const uuidHalf = len(uuid.UUID{})

func ids(records []*record) []int64 {
	list := make([]int64, len(records))
	for i, r := range records {
		list[i] = r.id
	}
	return list
}
