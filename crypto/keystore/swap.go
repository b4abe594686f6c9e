package keystore

import (
	"context"
	"errors"
	"fmt"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// swapRows is how many values of each column and tenant are tried.
const swapRows = 5

// An Opener opens sealed values; *[crypto.Ring] is one.
type Opener interface {
	Open(ctx context.Context, t tenancy.ID, ref crypto.Ref, sealed []byte) (crypto.Secret, error)
}

// Swaps is the outcome of [AttackBySwap].
type Swaps struct {
	Tried  int      // openings at a place where the value does not belong
	Opened []string // those that succeeded: leaks, one sentence each
}

// AttackBySwap tries what somebody who can write to the database would: it
// takes sealed values of two tenants and opens them as the other tenant's, as
// another row's and as another column's. Nothing is written; the values are
// read inside their tenants, and no plaintext is kept. It is the leak suite's
// attack on sealed columns: anything in Swaps.Opened is a leak.
//
// Both tenants need at least one readable value in a column that both use, or
// the attack would prove nothing and says so.
func AttackBySwap(ctx context.Context, db *tenancy.DB, opener Opener, a, b tenancy.ID) (Swaps, error) {
	var out Swaps
	if a == b {
		return out, errors.New("the attack needs two tenants (they are the same)")
	}
	columns, mine, err := readSome(ctx, db, a)
	if err != nil {
		return out, err
	}
	_, theirs, err := readSome(ctx, db, b)
	if err != nil {
		return out, err
	}
	for i, col := range columns {
		if len(mine[i]) == 0 || len(theirs[i]) == 0 {
			continue
		}
		s := swapper{ctx, opener, col, &out}
		if err := s.cross(a, mine[i], b, theirs[i]); err != nil {
			return out, err
		}
		if err := s.cross(b, theirs[i], a, mine[i]); err != nil {
			return out, err
		}
	}
	if out.Tried == 0 {
		return out, errors.New("no registered column has values of both tenants (seal one in each first)")
	}
	return out, nil
}

// readSome reads a few values of each column of a tenant.
func readSome(ctx context.Context, db *tenancy.DB, t tenancy.ID) ([]column, [][]sealedRow, error) {
	scope, err := db.AdmitJob(ctx, t, "attack by swap")
	if err != nil {
		return nil, nil, err
	}
	c := db.For(scope)
	columns, err := tenantColumns(ctx, query.New(c))
	if err != nil {
		return nil, nil, err
	}
	rows := make([][]sealedRow, len(columns))
	for i, col := range columns {
		// No key has the number 0, so every value is under another one.
		if rows[i], err = col.batch(ctx, c, t, 0, nil, swapRows); err != nil {
			return nil, nil, err
		}
	}
	return columns, rows, nil
}

// swapper tries the values of one column.
type swapper struct {
	ctx    context.Context
	opener Opener
	col    column
	out    *Swaps
}

// cross opens each value of a at its own place, as a control, and then at every
// place of b, and at other places of a.
func (s swapper) cross(a tenancy.ID, mine []sealedRow, b tenancy.ID, theirs []sealedRow) error {
	for _, row := range mine {
		if _, err := s.opener.Open(s.ctx, a, s.col.ref(row), row.sealed); err != nil {
			return fmt.Errorf("a value of %s does not open where it belongs, so the attack proves nothing: %w", s.col, err)
		}
		if err := s.try(b, s.col.ref(row), row, "for another tenant"); err != nil {
			return err
		}
		for _, other := range theirs {
			if err := s.try(b, s.col.ref(other), row, "in a row of another tenant"); err != nil {
				return err
			}
		}
		for _, other := range mine {
			if other.id != row.id || other.number != row.number {
				if err := s.try(a, s.col.ref(other), row, "in another row"); err != nil {
					return err
				}
			}
		}
		column, table := s.col.ref(row), s.col.ref(row)
		column.Column += "_"
		table.Table += "_"
		if err := errors.Join(s.try(a, column, row, "in another column"), s.try(a, table, row, "in another table")); err != nil {
			return err
		}
	}
	return nil
}

// try opens a value where it does not belong.
func (s swapper) try(t tenancy.ID, ref crypto.Ref, row sealedRow, where string) error {
	_, err := s.opener.Open(s.ctx, t, ref, row.sealed)
	switch {
	case err == nil:
		s.out.Opened = append(s.out.Opened, fmt.Sprintf("a value of %s opens %s", s.col, where))
	case !errors.Is(err, crypto.ErrOpen):
		return fmt.Errorf("try a value of %s %s: %w", s.col, where, err)
	}
	s.out.Tried++
	return nil
}
