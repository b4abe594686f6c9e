package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

// Forgotten is what [DB.ForgetPerson] did.
type Forgotten struct {
	Rows     map[string]int64 // of each table, deleted or cleared; without what cascaded
	Redacted int              // events of the audit log
}

// What keeps a person from being forgotten.
var (
	ErrUnsealed = errors.New("the audit log has events of the person that are not sealed yet, which cannot be redacted (let the sealer run, then try again)")
	ErrHeld     = errors.New("rows that refer to the person's account would keep it (declare what becomes of them: select watertight.person_column)")
)

// ForgetPerson erases one person from a tenant: the account with what belongs to
// it, rows in declared columns as declared, and in the audit log who it was and
// which values changed. The log still verifies: what is redacted is replaced by
// the hash that the tree is made of. One event in the tenant's log tells that a
// person was forgotten, and not who.
//
// What stays is the account's id in events that speak of its own row: the keys
// of rows are part of the tree. It names nobody any more.
//
// privacy is a connection of a member of watertight_privacy, for the log. The
// log is redacted first: a run that ends before the rows are deleted is simply
// run again.
func (db *DB) ForgetPerson(ctx context.Context, a tenancy.Actor, t tenancy.ID, p Person, privacy audit.Querier) (Forgotten, error) {
	if err := p.validate(); err != nil {
		return Forgotten{}, err
	}
	out := Forgotten{Rows: map[string]int64{}}
	var all []place
	var selections []audit.Selection
	err := db.read(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		tables, err := readTables(ctx, c)
		if err != nil {
			return err
		}
		if all, err = places(ctx, c, tables); err != nil {
			return err
		}
		if selections, err = eventsOf(ctx, c, t, p, tables, all); err != nil {
			return err
		}
		return unsealed(ctx, c, t, selections)
	})
	if err != nil {
		return out, err
	}
	for _, sel := range selections {
		n, err := audit.Redact(ctx, privacy, t.UUID(), sel, sel.Actor != "", true)
		if err != nil {
			return out, err
		}
		out.Redacted += n
	}
	if err := db.step("forget rows"); err != nil {
		return out, err
	}
	err = db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		if err := forgetRows(ctx, c, t, p, all, out.Rows); err != nil {
			return err
		}
		return note(ctx, c, "watertight.person", map[string]any{"what": "erasure", "rows": out.Rows, "redacted": out.Redacted}, true)
	})
	return out, err
}

// eventsOf lists which events speak of the person: those in which the account
// acted, and those of every row that is the person's.
func eventsOf(ctx context.Context, c *tenancy.Conn, t tenancy.ID, p Person, tables []*table, all []place) ([]audit.Selection, error) {
	// The log is redacted by an address as it stands there.
	rows, err := c.Query(ctx, "select distinct actor_email from watertight.audit_event where tenant_id = $1 and lower(actor_email) = any ($2::text[])", t, p.emails())
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	actors, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	if p.User != uuid.Nil {
		actors = append(actors, p.User.String())
	}
	var out []audit.Selection
	for _, a := range actors {
		out = append(out, audit.Selection{Actor: a})
	}
	for _, x := range tables {
		where := conditionOf(x, all)
		if where == "" {
			continue
		}
		// As the trigger of the table writes it.
		var keys []string
		for _, k := range x.key {
			if k != x.tenant {
				keys = append(keys, "t."+quote(k))
			}
		}
		id := "json_build_array(" + strings.Join(keys, ", ") + ")::text"
		if len(keys) == 1 {
			id = "concat(" + keys[0] + ")"
		}
		rows, err := c.Query(ctx, fmt.Sprintf("select %s from %s t where t.%s = $1 and (%s) and ($2::uuid, $3::text[]) is not null", id, x.quoted(), quote(x.tenant), where), t, p.User, p.emails())
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", x.Name(), err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", x.Name(), err)
		}
		for _, id := range ids {
			out = append(out, audit.Selection{Entity: x.entity, EntityID: id})
		}
	}
	return out, nil
}

// unsealed refuses to go on while an event that must be redacted is not sealed.
func unsealed(ctx context.Context, c *tenancy.Conn, t tenancy.ID, selections []audit.Selection) error {
	var actors, entities, ids []string
	for _, s := range selections {
		if s.Actor != "" {
			actors = append(actors, s.Actor)
		} else {
			entities, ids = append(entities, s.Entity), append(ids, s.EntityID)
		}
	}
	var n int64
	err := c.QueryRow(ctx, "select count(*) from watertight.audit_event e where tenant_id = $1 and not watertight.audit_is_sealed(epoch, xid) and (actor_id = any ($2::text[]) or actor_email = any ($2::text[]) or (entity, entity_id) in (select * from unnest($3::text[], $4::text[])))",
		t, actors, entities, ids).Scan(&n)
	if err != nil {
		return fmt.Errorf("look for events that are not sealed: %w", err)
	}
	if n > 0 {
		return fmt.Errorf("%w: %d", ErrUnsealed, n)
	}
	return nil
}

// forgetRows deletes and clears, what was declared before what is deleted with
// the account.
func forgetRows(ctx context.Context, c *tenancy.Conn, t tenancy.ID, p Person, all []place, counts map[string]int64) error {
	order := slices.Clone(all)
	// The account last: everything else refers to it.
	slices.SortStableFunc(order, func(a, b place) int {
		return boolInt(a.table.Name() == usersTable) - boolInt(b.table.Name() == usersTable)
	})
	for _, x := range order {
		var sql string
		switch x.onErase {
		case "delete":
			sql = fmt.Sprintf("delete from %s t where", x.table.quoted())
		case "clear":
			value := "null"
			if slices.Contains(x.table.required, x.column) {
				value = "'erased-' || gen_random_uuid() || '@erased.invalid'"
			}
			sql = fmt.Sprintf("update %s t set %s = %s where", x.table.quoted(), quote(x.column), value)
		default:
			continue // kept, or the foreign keys decide
		}
		tag, err := c.Exec(ctx, fmt.Sprintf("%s t.%s = $1 and (%s) and ($2::uuid, $3::text[]) is not null", sql, quote(x.table.tenant), x.where), t, p.User, p.emails())
		if err != nil {
			if isForeignKey(err) {
				return fmt.Errorf("%w: %w", ErrHeld, err)
			}
			return fmt.Errorf("forget rows of %s: %w", x.table.Name(), err)
		}
		if n := tag.RowsAffected(); n > 0 {
			counts[x.table.Name()] += n
		}
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func isForeignKey(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23503"
}
