//go:build unix

package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// A record is what a tenant was told of one of its rows.
type record struct {
	id int64
	// The row's amount, to which every update adds one. One whose outcome is
	// unknown is in most alone.
	least, most int64
}

// A book has the records of one tenant. Whoever works on a row takes its record
// out, so each row has one writer and its state is known. It is bounded, as what
// the server has is: then memory that grows is somebody else's.
type book struct {
	tenant tenancy.ID

	mu    sync.Mutex
	kept  []*record   // rows that are there
	doubt [][]*record // rows of which nobody knows: of each group all are there, or none
}

// take removes up to n records.
func (b *book) take(r *rand.Rand, n int) (taken []*record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range min(n, len(b.kept)) {
		i, last := r.IntN(len(b.kept)), len(b.kept)-1
		taken = append(taken, b.kept[i])
		b.kept[i] = b.kept[last]
		b.kept = b.kept[:last]
	}
	return taken
}

func (b *book) give(records ...*record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = append(b.kept, records...)
}

func (b *book) unsure(records ...*record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doubt = append(b.doubt, records)
}

func (b *book) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.kept)
}

// peek is the id of some row of the tenant, zero if it has none.
func (b *book) peek(r *rand.Rand) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.kept) == 0 {
		return 0
	}
	return b.kept[r.IntN(len(b.kept))].id
}

// An outcome of a write, as the caller can tell it from the error.
type outcome int

const (
	happened outcome = iota
	unknown
	undone
)

// ofStatement is the outcome of a statement that commits with itself: the
// server's own error says that it came to nothing, any other says nothing.
func ofStatement(err error) outcome {
	switch {
	case err == nil:
		return happened
	case errors.Is(err, tenancy.ErrUnavailable), errors.Is(err, tenancy.ErrProtocol), errors.Is(err, tenancy.ErrCommitUnknown):
		return unknown
	case errors.As(err, new(*pgconn.PgError)):
		return undone
	}
	return unknown
}

// ofTx is the outcome of a transaction: whatever fails before the commit leaves
// nothing, and the commit has an error of its own.
func ofTx(err error) outcome {
	switch {
	case err == nil:
		return happened
	case errors.Is(err, tenancy.ErrCommitUnknown), errors.Is(err, tenancy.ErrProtocol):
		return unknown
	}
	return undone
}

// added enters new rows.
func (s *soak) added(b *book, o outcome, records ...*record) {
	switch o {
	case happened:
		s.written.Add(int64(len(records)))
		b.give(records...)
	case unknown:
		b.unsure(records...)
	}
}

// changed enters that one was added to each amount.
func changed(o outcome, records ...*record) {
	for _, r := range records {
		if o == happened {
			r.least++
		}
		if o != undone {
			r.most++
		}
	}
}

// removed enters that rows were deleted.
func (s *soak) removed(b *book, o outcome, records ...*record) {
	switch o {
	case happened:
		s.gone.Add(int64(len(records)))
	case unknown:
		b.unsure(records...)
	case undone:
		b.give(records...)
	}
}

// stored is a row as the database has it.
type stored struct {
	entry
	Amount int64
}

// audit stops the load, looks at every row as a superuser, and compares it with
// the books. Afterwards there is no doubt left. What is planted for it to find is
// planted while nobody works: a row might be deleted again before it is looked at.
func (s *soak) audit(t testing.TB, plants ...func()) {
	t.Helper()
	s.gate.Lock()
	defer s.gate.Unlock()
	for _, plant := range plants {
		plant()
	}
	s.settled(t)
	rows, err := s.admin.Query(t.Context(), "select tenant_id, id, seal, amount from app.entries")
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e stored, err error) {
		return e, row.Scan(&e.Tenant, &e.ID, &e.Seal, &e.Amount)
	})
	require.NoError(t, err)
	s.compare(list)
	s.audits++
}

func (s *soak) compare(list []stored) {
	there := make(map[tenancy.ID]map[int64]int64, len(s.books))
	for _, e := range list {
		if err := s.seals.readable(e.Tenant, []entry{e.entry}); err != nil {
			s.report(fmt.Errorf("as it is stored: %w", err))
		}
		if there[e.Tenant] == nil {
			there[e.Tenant] = map[int64]int64{}
		}
		there[e.Tenant][e.ID] = e.Amount
	}
	for _, b := range s.books {
		s.compareBook(b, there[b.tenant])
	}
}

// compareBook compares one tenant's rows, by id with their amounts.
func (s *soak) compareBook(b *book, there map[int64]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.kept[:0]
	for _, r := range b.kept {
		if s.check(b, r, there) {
			left = append(left, r)
		}
	}
	b.kept = left
	for _, group := range b.doubt {
		b.kept = append(b.kept, s.resolve(b, group, there)...)
	}
	s.doubts += len(b.doubt)
	b.doubt = nil
	for id := range there { // what is in the books was taken out
		s.report(fmt.Errorf("tenant %s: row %d is there, and was never written or is deleted", b.tenant, id))
	}
}

// check compares a row that must be there, and takes it out of there.
func (s *soak) check(b *book, r *record, there map[int64]int64) bool {
	amount, ok := there[r.id]
	delete(there, r.id)
	switch {
	case !ok:
		s.report(fmt.Errorf("tenant %s: row %d was acknowledged and is lost", b.tenant, r.id))
	case amount < r.least || amount > r.most:
		s.report(fmt.Errorf("tenant %s: row %d was changed %d times, of %d to %d that were acknowledged or may have happened", b.tenant, r.id, amount, r.least, r.most))
	}
	r.least, r.most = amount, amount
	return ok
}

// resolve finds out what became of rows that were written or deleted together.
func (s *soak) resolve(b *book, group []*record, there map[int64]int64) (found []*record) {
	for _, r := range group {
		if _, ok := there[r.id]; ok && s.check(b, r, there) {
			found = append(found, r)
		}
	}
	if len(found) > 0 && len(found) < len(group) {
		s.report(fmt.Errorf("tenant %s: %d of %d rows that were written or deleted together", b.tenant, len(found), len(group)))
	}
	return found
}
