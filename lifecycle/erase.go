package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
)

// eraseBatch is how many rows one transaction deletes.
const eraseBatch = 5000

// Erase erases a tenant whose erasure is due: its data keys first, so that what
// is sealed is unreadable at once, then its files, its rows in batches, its
// audit log, and the tenant itself. The platform's log keeps how many events
// the tenant's had and their final root; the ledger keeps the tenant's id.
//
// It can be ended at any moment and run again: it goes on where it was. Until
// it is due, it is [ErrNotDue].
func (db *DB) Erase(ctx context.Context, a tenancy.Actor, t tenancy.ID) (Erasure, error) {
	if err := db.begin(ctx, a, t); err != nil {
		return Erasure{}, err
	}
	if err := db.step("erase keys"); err != nil {
		return Erasure{}, err
	}
	if err := db.shred(ctx, a, t); err != nil {
		return Erasure{}, err
	}
	if err := db.step("erase files"); err != nil {
		return Erasure{}, err
	}
	if db.files != nil {
		if err := db.files.DeleteAll(ctx, t); err != nil {
			return Erasure{}, fmt.Errorf("delete the tenant's files: %w", err)
		}
	}
	if err := db.eraseRows(ctx, a, t); err != nil {
		return Erasure{}, err
	}
	if err := db.step("erase log"); err != nil {
		return Erasure{}, err
	}
	return db.end(ctx, a, t)
}

// begin marks the erasure as running: from here on it cannot be taken back.
func (db *DB) begin(ctx context.Context, a tenancy.Actor, t tenancy.ID) error {
	return db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		e, err := openErasure(ctx, c, t)
		if err != nil {
			return err
		}
		if e.State == "running" {
			return nil
		}
		if e.DueAt.After(time.Now()) {
			return fmt.Errorf("%w: %s, due %s", ErrNotDue, t, e.DueAt.UTC().Format(time.RFC3339))
		}
		if _, err := c.Exec(ctx, "update watertight.erasure set state = 'running', started_at = now() where id = $1", e.ID); err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		return note(ctx, c, "watertight.erasing", map[string]any{"erasure": e.ID}, false)
	})
}

// shred destroys the tenant's data keys.
func (db *DB) shred(ctx context.Context, a tenancy.Actor, t tenancy.ID) error {
	return db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, "update watertight.tenant_keys set state = 'destroyed', wrapped = null, destroyed_at = now(), retired_at = coalesce(retired_at, now()) where tenant_id = $1 and state <> 'destroyed'", t)
		if err != nil {
			return fmt.Errorf("destroy the tenant's data keys: %w", err)
		}
		return nil
	})
}

// eraseRows deletes the rows of every table but the tenant's own, what refers
// before what it refers to.
func (db *DB) eraseRows(ctx context.Context, a tenancy.Actor, t tenancy.ID) error {
	var tables []*table
	err := db.read(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) (err error) {
		tables, err = readTables(ctx, c)
		return err
	})
	if err != nil {
		return err
	}
	order := slices.Clone(tables)
	slices.Reverse(tables)
	whole, err := db.untie(ctx, a, t, order)
	if err != nil {
		return err
	}
	if whole { // rows that hold each other can only go together
		return db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
			if _, err := c.Exec(ctx, "select watertight.lifecycle_defer()"); err != nil {
				return fmt.Errorf("let foreign keys wait: %w", err)
			}
			for _, x := range tables {
				if _, err := x.deleteRows(ctx, c, t, 0); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, x := range tables {
		for n := int64(eraseBatch); n == eraseBatch; {
			if err := db.step("erase " + x.Name()); err != nil {
				return err
			}
			err := db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) (err error) {
				if n, err = x.deleteRows(ctx, c, t, eraseBatch); err != nil {
					return err
				}
				_, err = c.Exec(ctx, "update watertight.erasure set row_count = row_count + $2 where tenant = $1 and state = 'running'", t, n)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// untie empties the columns by which rows hold rows of later tables, or of the
// same one. It reports whether some cannot be emptied.
func (db *DB) untie(ctx context.Context, a tenancy.Actor, t tenancy.ID, order []*table) (whole bool, err error) {
	for i, x := range order {
		for _, k := range x.refers {
			if slices.Index(order, k.to) < i {
				continue
			}
			var empty []string
			for _, c := range x.optional(k) {
				empty = append(empty, quote(c))
			}
			if len(empty) == 0 {
				whole = true
				continue
			}
			sql := fmt.Sprintf("update %s set %s = null where %s = $1 and num_nonnulls(%s) > 0",
				x.quoted(), strings.Join(empty, " = null, "), quote(x.tenant), strings.Join(empty, ", "))
			err := db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
				_, err := c.Exec(ctx, sql, t)
				return err
			})
			if err != nil {
				return whole, fmt.Errorf("untie the rows of %s: %w", x.Name(), err)
			}
		}
	}
	return whole, nil
}

// deleteRows deletes up to limit rows of the tenant, 0 for all. The tenant
// itself stays until the end: everything hangs on it.
func (t *table) deleteRows(ctx context.Context, c *tenancy.Conn, tenant tenancy.ID, limit int) (int64, error) {
	if t.Name() == "watertight.tenants" {
		return 0, nil
	}
	where := fmt.Sprintf("%s = $1", quote(t.tenant))
	if limit > 0 {
		where += fmt.Sprintf(" and (%s) in (select %s from %s where %s = $1 limit %d)", quoteAll(t.key), quoteAll(t.key), t.quoted(), quote(t.tenant), limit)
	}
	tag, err := c.Exec(ctx, fmt.Sprintf("delete from %s where %s", t.quoted(), where), tenant)
	if err != nil {
		return 0, fmt.Errorf("delete the tenant's rows of %s: %w", t.Name(), err)
	}
	return tag.RowsAffected(), nil
}

// end erases the log and the tenant, and closes the line of the ledger, in one
// transaction.
func (db *DB) end(ctx context.Context, a tenancy.Actor, t tenancy.ID) (Erasure, error) {
	var out Erasure
	err := db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		e, err := openErasure(ctx, c, t)
		if err != nil {
			return err
		}
		// Whatever came in since the rows were deleted holds the tenant: then
		// this fails, and the next run deletes it.
		if _, err := c.Exec(ctx, "delete from watertight.tenants where id = $1", t); err != nil {
			return fmt.Errorf("delete the tenant: %w", err)
		}
		if _, err := c.Exec(ctx, "select watertight.lifecycle_erase_log()"); err != nil {
			return fmt.Errorf("erase the tenant's audit log: %w", err)
		}
		if err := db.step("erase end"); err != nil {
			return err
		}
		details := map[string]any{"erasure": e.ID, "rows": e.Rows, "purpose": e.Purpose}
		if err := note(ctx, c, "watertight.erased", details, false); err != nil {
			return err
		}
		rows, err := c.Query(ctx, "update watertight.erasure set state = 'done', done_at = now() where id = $1 returning "+ledgerColumns, e.ID)
		if err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		out, err = pgx.CollectExactlyOneRow(rows, scanErasure)
		return err
	})
	if errors.Is(err, errFault) {
		return Erasure{}, err
	}
	return out, err
}
