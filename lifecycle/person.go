package lifecycle

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
)

//go:embed sql/person.sql
var sqlPersonColumns string

// Person is whose data is asked for: an account of the tenant, addresses, or
// both.
type Person struct {
	User   uuid.UUID
	Emails []string // their case does not matter
}

func (p Person) emails() []string {
	out := []string{}
	for _, e := range p.Emails {
		out = append(out, strings.ToLower(e))
	}
	return out
}

func (p Person) validate() error {
	if p.User == uuid.Nil && len(p.Emails) == 0 {
		return errors.New("no person given (an account's id, or an e-mail address)")
	}
	return nil
}

// usersTable is where the accounts are.
const usersTable = "watertight.users"

// place is where a person's data may be: rows of a table that a condition
// finds. $1 is the tenant, $2 the account, $3 the addresses.
type place struct {
	table   *table
	where   string
	onErase string // delete, clear, keep; "": the schema's own foreign keys decide
	column  string // that is cleared
	direct  bool   // not through another row
}

// places finds them: the account, what refers to it, what belongs to that (by
// a key that deletes with its parent), and what a team has declared.
func places(ctx context.Context, c *tenancy.Conn, tables []*table) ([]place, error) {
	rows, err := c.Query(ctx, sqlPersonColumns)
	if err != nil {
		return nil, fmt.Errorf("read the columns with persons: %w", err)
	}
	declared, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		OID                   uint32
		Column, Kind, OnErase string
	}])
	if err != nil {
		return nil, fmt.Errorf("read the columns with persons: %w", err)
	}
	var out []place
	for _, t := range tables {
		if t.Name() == usersTable {
			out = append(out, place{table: t, where: "(t.id = $2::uuid or lower(t.email) = any ($3::text[]))", onErase: "delete", direct: true})
		}
		for _, d := range declared {
			if d.OID != t.oid {
				continue
			}
			where := fmt.Sprintf("t.%s::text = $2::uuid::text", quote(d.Column))
			if d.Kind == "email" {
				where = fmt.Sprintf("lower(t.%s::text) = any ($3::text[])", quote(d.Column))
			}
			out = append(out, place{t, where, d.OnErase, d.Column, true})
		}
	}
	for i := 0; i < len(out); i++ { // grows while it is walked
		out = append(out, belonging(out[i], out, tables)...)
	}
	return out, nil
}

// belonging are the places one step further.
func belonging(p place, known []place, tables []*table) []place {
	var out []place
	for _, t := range tables {
		for _, k := range t.refers {
			// The account is referred to by what a person did; from there on only
			// what is deleted with its parent is that person's.
			if k.to != p.table || k.onDelete != "c" && p.table.Name() != usersTable || strings.Count(p.where, "select") > 8 {
				continue
			}
			if slices.ContainsFunc(known, func(q place) bool { return q.table == t && q.direct && slices.Contains(k.columns, q.column) }) {
				continue // declared
			}
			var child, parent []string
			for i := range k.columns {
				child = append(child, "t."+quote(k.columns[i]))
				parent = append(parent, "t."+quote(k.parent[i]))
			}
			out = append(out, place{
				table: t,
				where: fmt.Sprintf("(%s) in (select %s from %s t where t.%s = $1 and %s)",
					strings.Join(child, ", "), strings.Join(parent, ", "), p.table.quoted(), quote(p.table.tenant), p.where),
			})
		}
	}
	return out
}

// PersonData writes what the tenant keeps of one person as JSON lines,
// {"table":"app.notes","row":{"column":"text",…}}: the account, rows that refer
// to it, what belongs to those, rows in declared columns, and the events of the
// audit log that the person left. It returns how many lines each table gave.
// That a copy was made is an event in the tenant's log, without the person's
// name.
func (db *DB) PersonData(ctx context.Context, a tenancy.Actor, t tenancy.ID, p Person, w io.Writer) (map[string]int, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	err := db.read(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		tables, err := readTables(ctx, c)
		if err != nil {
			return err
		}
		all, err := places(ctx, c, tables)
		if err != nil {
			return err
		}
		for _, x := range tables {
			n, err := writePerson(ctx, c, t, p, x, all, w)
			if err != nil {
				return fmt.Errorf("read %s: %w", x.Name(), err)
			}
			if n > 0 {
				counts[x.Name()] = n
			}
		}
		n, err := writeEvents(ctx, c, t, p, w)
		if n > 0 {
			counts["watertight.audit_event"] = n
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return counts, db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		return note(ctx, c, "watertight.person", map[string]any{"what": "access", "tables": counts}, true)
	})
}

// conditionOf joins the conditions of a table's places.
func conditionOf(t *table, all []place) string {
	var or []string
	for _, p := range all {
		if p.table == t {
			or = append(or, p.where)
		}
	}
	return strings.Join(or, " or ")
}

func writePerson(ctx context.Context, c *tenancy.Conn, t tenancy.ID, p Person, x *table, all []place, w io.Writer) (int, error) {
	where := conditionOf(x, all)
	if where == "" {
		return 0, nil
	}
	keys, err := rowKeys(x.columns)
	if err != nil {
		return 0, err
	}
	head, err := appendString([]byte(`{"table":`), []byte(x.Name()))
	if err != nil {
		return 0, err
	}
	head = append(head, `,"row":`...)
	// The parameters may not all occur in it.
	rows, err := c.Query(ctx, x.selectRows(" and ("+where+") and ($2::uuid, $3::text[]) is not null"), t, p.User, p.emails())
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	var line []byte
	for rows.Next() {
		if line, err = appendRow(append(line[:0], head...), keys, rows.RawValues()); err != nil {
			return n, err
		}
		line[len(line)-1] = '}'
		if _, err := w.Write(append(line, '\n')); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}

// writeEvents writes what the person did, as the log has it.
func writeEvents(ctx context.Context, c *tenancy.Conn, t tenancy.ID, p Person, w io.Writer) (int, error) {
	rows, err := c.Query(ctx, "select row_to_json(e)::text from (select at, action, op, entity, entity_id, host(ip) as ip, actor_email from watertight.audit_event where tenant_id = $1 and (actor_id = $2::uuid::text or lower(actor_email) = any ($3::text[])) order by epoch, xid, id) e", t, p.User, p.emails())
	if err != nil {
		return 0, fmt.Errorf("read the audit log: %w", err)
	}
	n := 0
	var line string
	_, err = pgx.ForEachRow(rows, []any{&line}, func() error {
		n++
		_, err := fmt.Fprintf(w, "{\"table\":\"watertight.audit_event\",\"row\":%s}\n", line)
		return err
	})
	return n, err
}

// Correction of one row of a person.
type Correction struct {
	Table string
	Key   map[string]string  // the primary key, without the tenant's column
	Set   map[string]*string // columns and their new values as text; nil is NULL
}

// ErrNotTheirs: the row is not one of the person's.
var ErrNotTheirs = errors.New("the row is not one of this person's data (look it up with watertight tenant person)")

// Rectify corrects a row of a person's data. It is an ordinary change, with its
// event in the tenant's log.
func (db *DB) Rectify(ctx context.Context, a tenancy.Actor, t tenancy.ID, p Person, x Correction) error {
	if err := p.validate(); err != nil {
		return err
	}
	return db.edit(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		tables, err := readTables(ctx, c)
		if err != nil {
			return err
		}
		all, err := places(ctx, c, tables)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(tables, func(t *table) bool { return t.Name() == x.Table })
		if i < 0 || conditionOf(tables[i], all) == "" || len(x.Set) == 0 {
			return fmt.Errorf("%s: %w", x.Table, ErrNotTheirs)
		}
		return correct(ctx, c, t, p, tables[i], conditionOf(tables[i], all), x)
	})
}

func correct(ctx context.Context, c *tenancy.Conn, tenant tenancy.ID, p Person, t *table, where string, x Correction) error {
	values := make([]*string, len(t.columns))
	var sets, keys []string
	for i, col := range t.columns {
		v, set := x.Set[col]
		switch {
		case col == t.tenant:
			id := tenant.String()
			values[i] = &id
		case slices.Contains(t.key, col):
			k, ok := x.Key[col]
			if !ok || set {
				return fmt.Errorf("the primary key of %s is (%s) (name each but the tenant's column, and set none)", x.Table, strings.Join(t.key, ", "))
			}
			values[i] = &k
			keys = append(keys, fmt.Sprintf("t.%s = r.%s", quote(col), quote(col)))
		case set:
			values[i] = v
			sets = append(sets, fmt.Sprintf("%s = r.%s", quote(col), quote(col)))
		}
	}
	if len(sets) != len(x.Set) {
		return fmt.Errorf("%s has not all of the columns that are to be set", x.Table)
	}
	in := newInserter(t, []*table{t}, tenant)
	in.append(values, func(string) bool { return true })
	sql := fmt.Sprintf("update %s t set %s from unnest($4::text::%s[]) as r where t.%s = $1 and %s and (%s) and ($2::uuid, $3::text[]) is not null",
		t.quoted(), strings.Join(sets, ", "), t.quoted(), quote(t.tenant), strings.Join(append(keys, "true"), " and "), where)
	tag, err := c.Exec(ctx, sql, tenant, p.User, p.emails(), string(append(in.buf, '}')))
	if err != nil {
		return fmt.Errorf("correct a row of %s: %w", x.Table, err)
	}
	if tag.RowsAffected() != 1 {
		return fmt.Errorf("%s: %w", x.Table, ErrNotTheirs)
	}
	return nil
}
