package keystore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// Resealer seals values anew that are under another key than their tenant's
// active one. It works as the application, inside one tenant at a time, so both
// locks hold for it as for any request.
type Resealer struct {
	// DB and Ring are the application's. Required.
	DB   *tenancy.DB
	Ring *crypto.Ring

	// BatchSize is how many values are sealed anew in one transaction. Defaults
	// to 500.
	BatchSize int

	// Pause is the time between two batches. Defaults to the time that the last
	// batch took, so that the work takes half of one connection at most.
	// Negative for none.
	Pause time.Duration

	// Progress, if not nil, is called after each batch.
	Progress func(Progress)
}

// Progress says how far the re-sealing of one tenant has come.
type Progress struct {
	Tenant     tenancy.ID
	Column     string // schema, table and column
	Resealed   int    // values sealed anew so far
	Overtaken  int    // values that a writer had locked or changed meanwhile
	Unreadable int    // values that do not open under any key
}

// Resealed is the outcome for one tenant.
type Resealed struct {
	Resealed int
	// Left are values under an old key that stay there: unreadable ones, and
	// such as were locked each time. 0 means that the old keys can be retired.
	Left int
	// Unreadable are values of Left that do not open. They were changed, moved,
	// or written under a key that is gone.
	Unreadable int
}

// most passes over a column in one run. A later pass meets only what a writer
// overtook in the one before; who loses ten times in a row is met in the next run.
const maxPasses = 10

func (r *Resealer) validate() error {
	switch {
	case r.DB == nil:
		return errors.New("re-sealing without a database (set Resealer.DB)")
	case r.Ring == nil:
		return errNoRing
	case r.BatchSize < 0 || r.BatchSize > 10_000:
		return fmt.Errorf("a batch of %d values is out of range (at most 10000)", r.BatchSize)
	}
	return nil
}

// Tenant seals the values of one tenant anew. It may run while others write,
// also beside another Resealer, and may be stopped at any time and run again.
func (r *Resealer) Tenant(ctx context.Context, t tenancy.ID) (Resealed, error) {
	if err := r.validate(); err != nil {
		return Resealed{}, err
	}
	ctx = tenancy.WithAction(ctx, "keys.reseal")
	scope, err := r.DB.AdmitJob(ctx, t, "reseal")
	if err != nil {
		return Resealed{}, err
	}
	c := r.DB.For(scope)
	q := query.New(c)
	newest, err := q.NewestTenantKey(ctx, t)
	if err != nil {
		return Resealed{}, fmt.Errorf("re-seal: %w", noKey(err))
	}
	if crypto.KeyState(newest.State) != crypto.KeyActive {
		return Resealed{}, crypto.ErrKeyDestroyed
	}
	// The ring may remember the key of before the rotation.
	r.Ring.Forget(t)

	columns, err := tenantColumns(ctx, q)
	if err != nil {
		return Resealed{}, err
	}
	s := &sweep{Resealer: r, conn: c, tenant: t, active: uint32(newest.KeyID)}
	var total Resealed
	for _, col := range columns {
		done, err := s.column(ctx, col)
		total.Resealed += done.Resealed
		total.Unreadable += done.Unreadable
		if err != nil {
			return total, err
		}
	}
	left, err := countByKey(ctx, c, t, columns)
	for key, n := range left {
		if key != s.active {
			total.Left += int(n)
		}
	}
	return total, err
}

// sweep is the re-sealing of one tenant to one key.
type sweep struct {
	*Resealer
	conn   *tenancy.Conn
	tenant tenancy.ID
	active uint32
}

// column goes over a column until nothing of it is left, or nothing more can
// be done. Unreadable values are those of the last pass.
func (s *sweep) column(ctx context.Context, col column) (Progress, error) {
	p := Progress{Tenant: s.tenant, Column: col.String()}
	for range maxPasses {
		before := p
		p.Unreadable = 0
		if err := s.pass(ctx, col, &p); err != nil {
			return p, err
		}
		if p.Overtaken == before.Overtaken { // nobody was in the way: all is seen
			break
		}
	}
	return p, nil
}

// pass goes over a column once.
func (s *sweep) pass(ctx context.Context, col column, p *Progress) error {
	size := s.BatchSize
	if size == 0 {
		size = 500
	}
	var last *sealedRow
	for {
		start := time.Now()
		rows, err := col.batch(ctx, s.conn, s.tenant, s.active, last, size)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		if err := s.swap(ctx, col, rows, p); err != nil {
			return err
		}
		if s.Progress != nil {
			s.Progress(*p)
		}
		last = &rows[len(rows)-1]
		if err := s.pause(ctx, time.Since(start)); err != nil {
			return err
		}
	}
}

// swap seals a batch anew and stores what nobody has changed meanwhile.
func (s *sweep) swap(ctx context.Context, col column, rows []sealedRow, p *Progress) error {
	readable := rows[:0:0]
	var before, after [][]byte
	for _, row := range rows {
		sealed, err := s.Ring.Reseal(ctx, s.tenant, col.ref(row), row.sealed)
		if errors.Is(err, crypto.ErrOpen) {
			p.Unreadable++
			continue
		}
		if err != nil {
			return fmt.Errorf("re-seal %s: %w", col, err)
		}
		readable, before, after = append(readable, row), append(before, row.sealed), append(after, sealed)
	}
	if len(readable) == 0 {
		return nil
	}
	tag, err := s.conn.Exec(ctx, col.statement(sqlSwap), s.tenant, col.ids(readable), before, after)
	if err != nil {
		return fmt.Errorf("store re-sealed values of %s: %w", col, err)
	}
	p.Resealed += int(tag.RowsAffected())
	p.Overtaken += len(readable) - int(tag.RowsAffected())
	return nil
}

func (s *sweep) pause(ctx context.Context, took time.Duration) error {
	d := s.Resealer.Pause
	if d == 0 {
		d = took
	}
	if d < 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keyBytes is a key's number as it stands in a sealed value.
func keyBytes(id uint32) []byte { return binary.BigEndian.AppendUint32(nil, id) }
