package lifecycle

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
)

var (
	//go:embed sql/tables.sql
	sqlTables string
	//go:embed sql/keys.sql
	sqlKeys string
	//go:embed sql/unknown.sql
	sqlUnknown string
)

// table is a tenant table as the catalogue describes it.
type table struct {
	oid            uint32
	schema, name   string
	entity         string   // the name as the trigger of the log writes it
	tenant         string   // the column
	excluded       string   // why an export leaves it out
	columns, types []string // without the generated ones
	fields         []string // of the row type: all columns
	required       []string
	collatable     []string
	key            []string
	counted        []string // columns with a sequence
	sequences      []string // of counted, the same order
	refers         []foreignKey
	reachable      bool
}

// foreignKey is a reference from one tenant table to another, or to itself.
type foreignKey struct {
	name       string
	to         *table
	columns    []string
	parent     []string
	deferrable bool
	onDelete   string // as pg_constraint.confdeltype: c cascades, n and d empty, a and r refuse
}

// Name is schema.table, as in a bundle.
func (t *table) Name() string { return t.schema + "." + t.name }

// quoted is the name in SQL.
func (t *table) quoted() string { return pgx.Identifier{t.schema, t.name}.Sanitize() }

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func quoteAll(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = quote(n)
	}
	return strings.Join(q, ", ")
}

// keptLogs is exported as the logs that it holds.
const keptLogs = "watertight.kept_logs"

// exported reports whether an export has the table's rows.
func (t *table) exported() bool { return t.excluded == "" && t.Name() != keptLogs }

// UnknownTablesError names tables with rows of tenants that an export would
// forget.
type UnknownTablesError struct{ Tables []string }

func (e *UnknownTablesError) Error() string {
	return fmt.Sprintf("%s: no protected table and so in no export, restore or erasure (select watertight.protect for each)", strings.Join(e.Tables, ", "))
}

// readTables returns every tenant table, parents before what refers to them.
// A table that may have rows of tenants and is not protected is an error.
func readTables(ctx context.Context, c *tenancy.Conn) ([]*table, error) {
	rows, err := c.Query(ctx, sqlUnknown)
	if err != nil {
		return nil, fmt.Errorf("look for tables that are not protected: %w", err)
	}
	unknown, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for tables that are not protected: %w", err)
	}
	if len(unknown) > 0 {
		return nil, &UnknownTablesError{unknown}
	}
	if rows, err = c.Query(ctx, sqlTables); err != nil {
		return nil, fmt.Errorf("read the tenant tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, scanTable)
	if err != nil {
		return nil, fmt.Errorf("read the tenant tables: %w", err)
	}
	if len(tables) == 0 {
		return nil, fmt.Errorf("there is no tenant table (run watertight migrate)")
	}
	for _, t := range tables {
		if !t.reachable {
			return nil, fmt.Errorf("%s is not open to watertight_lifecycle (select watertight.protect again)", t.Name())
		}
	}
	if err := readKeys(ctx, c, tables); err != nil {
		return nil, err
	}
	return inOrder(tables), nil
}

func scanTable(row pgx.CollectableRow) (*table, error) {
	var t table
	err := row.Scan(&t.oid, &t.schema, &t.name, &t.entity, &t.tenant, &t.excluded, &t.columns, &t.types, &t.fields, &t.required,
		&t.collatable, &t.key, &t.counted, &t.sequences, &t.reachable)
	return &t, err
}

func readKeys(ctx context.Context, c *tenancy.Conn, tables []*table) error {
	byOID := map[uint32]*table{}
	for _, t := range tables {
		byOID[t.oid] = t
	}
	rows, err := c.Query(ctx, sqlKeys)
	if err != nil {
		return fmt.Errorf("read the foreign keys: %w", err)
	}
	var (
		from, to uint32
		k        foreignKey
	)
	_, err = pgx.ForEachRow(rows, []any{&from, &to, &k.name, &k.deferrable, &k.onDelete, &k.columns, &k.parent}, func() error {
		k.to = byOID[to]
		byOID[from].refers = append(byOID[from].refers, k)
		k.columns, k.parent = nil, nil
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the foreign keys: %w", err)
	}
	return nil
}

// inOrder puts parents before what refers to them. In a cycle, a key that can
// wait for the end of the transaction orders nothing, and then one that can be
// empty at first, see [table.late].
func inOrder(tables []*table) []*table {
	var (
		out  []*table
		done = map[*table]bool{}
	)
	waits := []func(*table, foreignKey) bool{
		func(*table, foreignKey) bool { return false },
		func(_ *table, k foreignKey) bool { return k.deferrable },
		func(t *table, k foreignKey) bool { return k.deferrable || len(t.optional(k)) > 0 },
		func(*table, foreignKey) bool { return true },
	}
	for len(out) < len(tables) {
		next := -1
		for _, wait := range waits {
			next = slices.IndexFunc(tables, func(t *table) bool {
				return !done[t] && !slices.ContainsFunc(t.refers, func(k foreignKey) bool {
					return k.to != t && !done[k.to] && !wait(t, k)
				})
			})
			if next >= 0 {
				break
			}
		}
		done[tables[next]] = true
		out = append(out, tables[next])
	}
	return out
}

// optional are the columns of a key that can be empty.
func (t *table) optional(k foreignKey) []string {
	return slices.DeleteFunc(slices.Clone(k.columns), func(c string) bool { return slices.Contains(t.required, c) })
}

// late returns the columns of keys that refer to rows which come later, in the
// same table or in one further down, and that cannot wait: a row is first put
// back without them.
func (t *table) late(order []*table) []string {
	var cols []string
	at := slices.Index(order, t)
	for _, k := range t.refers {
		if k.deferrable || slices.Index(order, k.to) < at {
			continue
		}
		for _, c := range t.optional(k) {
			if !slices.Contains(cols, c) {
				cols = append(cols, c)
			}
		}
	}
	return cols
}

// schemaDigest is a hash of the exported tables and their columns.
func schemaDigest(tables []*table) string {
	h := sha256.New()
	for _, t := range tables {
		if t.exported() {
			fmt.Fprintf(h, "%q %q %q\n", t.Name(), t.columns, t.types)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
