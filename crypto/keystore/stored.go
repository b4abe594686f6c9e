package keystore

import (
	"context"
	"crypto/rand"
	_ "embed" // the statements
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

var (
	//go:embed sql/columns.sql
	sqlColumns string
	//go:embed sql/rows.sql
	sqlRows string
	//go:embed sql/put.sql
	sqlPut string
)

// A Sealer seals and opens values; *[crypto.Ring] is one.
type Sealer interface {
	Opener
	Seal(ctx context.Context, t tenancy.ID, ref crypto.Ref, s crypto.Secret) ([]byte, error)
}

// A Swap is one try of [AttackStored].
type Swap struct {
	Column string // schema, table and column
	From   string // where the value came from: "another tenant", "another row"
	Opened bool   // it opened where it does not belong: a leak
}

// AttackStored makes values of its own in every registered column that both
// tenants have a row of, and then does what somebody who can write to the
// database would: it puts the victim's sealed value into the attacker's row,
// and one row's value into another row, reads it back, and opens it there.
//
// It writes, so conn must be in a transaction that is rolled back, as a role
// that passes by row-level security: it is for a database of tests, where the
// values are the attack's own. [AttackBySwap] is for values that are there.
//
// The control is part of it: a value that does not open in its own row is an
// error, and so is a database without any column that could be tried.
func AttackStored(ctx context.Context, conn *pgx.Conn, sealer Sealer, attacker, victim tenancy.ID) ([]Swap, error) {
	columns, err := registered(ctx, conn)
	if err != nil {
		return nil, err
	}
	var out []Swap
	for _, col := range columns {
		s := storedSwap{conn: conn, sealer: sealer, barable: col}
		swaps, err := s.attack(ctx, attacker, victim)
		if err != nil {
			return nil, err
		}
		out = append(out, swaps...)
	}
	if len(out) == 0 {
		return nil, errors.New("no registered column has a row of both tenants")
	}
	return out, nil
}

// HasSealedColumns reports whether any column is registered as one of sealed
// values, or false where Watertight's schema is not installed.
func HasSealedColumns(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var there bool
	if err := conn.QueryRow(ctx, "select to_regclass('watertight.sealed_columns') is not null").Scan(&there); err != nil || !there {
		return false, err
	}
	columns, err := registered(ctx, conn)
	return len(columns) > 0, err
}

// barable is a column with those beside it that may be empty.
type barable struct {
	column
	nullable []string
}

func registered(ctx context.Context, conn *pgx.Conn) ([]barable, error) {
	rows, err := conn.Query(ctx, sqlColumns)
	if err != nil {
		return nil, fmt.Errorf("read the register of sealed columns: %w", err)
	}
	columns, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (barable, error) {
		var c barable
		return c, row.Scan(&c.schema, &c.table, &c.name, &c.tenant, &c.row, &c.rowIsUUID, &c.tableLabel, &c.columnLabel, &c.nullable)
	})
	if err != nil {
		return nil, fmt.Errorf("read the register of sealed columns: %w", err)
	}
	return columns, nil
}

// storedSwap attacks one column.
type storedSwap struct {
	conn   *pgx.Conn
	sealer Sealer
	barable
}

func (s storedSwap) attack(ctx context.Context, attacker, victim tenancy.ID) ([]Swap, error) {
	mine, err := s.rows(ctx, attacker)
	if err != nil {
		return nil, err
	}
	theirs, err := s.rows(ctx, victim)
	if err != nil || len(mine) == 0 || len(theirs) == 0 {
		return nil, err
	}
	stolen, err := s.control(ctx, victim, theirs[0])
	if err != nil {
		return nil, err
	}
	own, err := s.control(ctx, attacker, mine[0])
	if err != nil {
		return nil, err
	}
	opened, err := s.try(ctx, attacker, mine[0], stolen)
	if err != nil {
		return nil, err
	}
	out := []Swap{{s.String(), "another tenant", opened}}
	if len(mine) > 1 {
		if opened, err = s.try(ctx, attacker, mine[1], own); err != nil {
			return nil, err
		}
		out = append(out, Swap{s.String(), "another row", opened})
	}
	return out, nil
}

func (s storedSwap) rows(ctx context.Context, t tenancy.ID) ([]sealedRow, error) {
	rows, err := s.conn.Query(ctx, s.statement(sqlRows), t.String(), 2)
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", s.column, err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (sealedRow, error) {
		var r sealedRow
		if s.rowIsUUID {
			return r, row.Scan(&r.id)
		}
		return r, row.Scan(&r.number)
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", s.column, err)
	}
	return found, nil
}

// control seals a value for its own row, puts it there and opens it.
func (s storedSwap) control(ctx context.Context, t tenancy.ID, row sealedRow) ([]byte, error) {
	text := rand.Text()
	ref := s.ref(row)
	sealed, err := s.sealer.Seal(ctx, t, ref, crypto.SecretString(text))
	if err != nil {
		return nil, fmt.Errorf("seal a value for %s: %w", s.column, err)
	}
	stored, err := s.put(ctx, t, row, sealed)
	if err != nil {
		return nil, err
	}
	got, err := s.sealer.Open(ctx, t, ref, stored)
	if err != nil || string(got.Reveal()) != text {
		return nil, fmt.Errorf("a value of %s does not open where it belongs, so the attack proves nothing", s.column)
	}
	return sealed, nil
}

// try puts a value where it does not belong and opens it there.
func (s storedSwap) try(ctx context.Context, t tenancy.ID, row sealedRow, sealed []byte) (bool, error) {
	stored, err := s.put(ctx, t, row, sealed)
	if err != nil {
		return false, err
	}
	_, err = s.sealer.Open(ctx, t, s.ref(row), stored)
	if err != nil && !errors.Is(err, crypto.ErrOpen) {
		return false, fmt.Errorf("open a value of %s: %w", s.column, err)
	}
	return err == nil, nil
}

// put writes a value into a row. Where the table's checks refuse it beside the
// row's other values, the row is made as bare as it can be.
func (s storedSwap) put(ctx context.Context, t tenancy.ID, row sealedRow, sealed []byte) ([]byte, error) {
	stored, err := s.write(ctx, t, row, sealed, "")
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "23514" {
		var others strings.Builder
		for _, name := range s.nullable {
			others.WriteString(", " + pgx.Identifier{name}.Sanitize() + " = null")
		}
		stored, err = s.write(ctx, t, row, sealed, others.String())
	}
	if err != nil {
		return nil, fmt.Errorf("put a sealed value into %s: %w", s.column, err)
	}
	return stored, nil
}

func (s storedSwap) write(ctx context.Context, t tenancy.ID, row sealedRow, sealed []byte, others string) (stored []byte, err error) {
	id := strconv.FormatInt(row.number, 10)
	if s.rowIsUUID {
		id = row.id.String()
	}
	sql := strings.Replace(s.statement(sqlPut), "{others}", others, 1)
	if _, err := s.conn.Exec(ctx, "savepoint watertight_put"); err != nil {
		return nil, err
	}
	err = s.conn.QueryRow(ctx, sql, t.String(), id, sealed).Scan(&stored)
	end := "release savepoint watertight_put"
	if err != nil {
		end = "rollback to savepoint watertight_put"
	}
	_, ended := s.conn.Exec(ctx, end)
	return stored, errors.Join(err, ended)
}
