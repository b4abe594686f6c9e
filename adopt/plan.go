package adopt

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/internal/catalog"
)

//go:embed sql/*.sql
var queries embed.FS

func query(name string) string {
	text, err := queries.ReadFile("sql/" + name)
	if err != nil {
		panic("adopt: " + err.Error()) // the files are part of the program
	}
	return string(text)
}

// A Plan is what Read found out.
type Plan struct {
	// TenantTable and TenantColumn are what the plan goes by, and Column is
	// the column that tables have in the end.
	TenantTable  string `json:"tenant_table"`
	TenantColumn string `json:"tenant_column"`
	Column       string `json:"column"`

	Assumed   []string   `json:"assumed"`
	Questions []Question `json:"questions"`
	Notices   []Notice   `json:"notices"`
	Tables    []Table    `json:"tables"`
	Roles     []string   `json:"roles"` // that use the tables now
	Steps     []*Step    `json:"-"`     // empty while a question is open

	fingerprint string
}

// A Table is one line of the plan's overview.
type Table struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // tenants, tenant, shared or closed
	Column string `json:"column,omitempty"`
	Added  bool   `json:"added,omitempty"`
	From   string `json:"from,omitempty"` // where its rows get their tenant from
}

// Read reads a database and makes the plan. It writes nothing, in one READ ONLY
// transaction that sees everything at one moment, and takes no lock that the
// application would wait for. It needs a role that sees every row.
func Read(ctx context.Context, conn *pgx.Conn, cfg Config) (*Plan, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("begin to read the schema: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	// The names in what the server writes are qualified, and a policy that hides
	// rows is an error.
	if _, err := tx.Exec(ctx, "select set_config('search_path', '', true), set_config('row_security', 'off', true)"); err != nil {
		return nil, fmt.Errorf("prepare to read the schema: %w", err)
	}
	m, err := readModel(ctx, tx, cfg)
	if err != nil {
		return nil, err
	}
	if err := m.work(ctx, tx, cfg); err != nil {
		return nil, err
	}
	if unused := m.unused(); len(unused) > 0 {
		return nil, fmt.Errorf("decisions that nothing asks for: %s (take them out, or mend the names)", strings.Join(unused, "; "))
	}
	installed := m.cat.Relations != nil && slices.ContainsFunc(m.cat.Relations, func(r *catalog.Relation) bool {
		return r.Schema == "watertight" && r.RelName == "protected_table"
	})
	return m.plan(installed), nil
}

func readModel(ctx context.Context, tx pgx.Tx, cfg Config) (*model, error) {
	cat, err := catalog.Read(ctx, tx, catalog.Options{})
	if err != nil {
		return nil, err
	}
	m := &model{cat: cat, decisions: cfg.Decisions, used: map[string]bool{}}
	m.collect()
	if len(m.tables) == 0 {
		return nil, errors.New("the database has no tables (name another one)")
	}
	oids := make([]catalog.OID, len(m.tables))
	for i, t := range m.tables {
		oids[i] = t.OID
	}
	rows, err := tx.Query(ctx, query("roles.sql"), oids)
	if err != nil {
		return nil, fmt.Errorf("read who uses the tables: %w", err)
	}
	if m.roles, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, fmt.Errorf("read who uses the tables: %w", err)
	}
	m.views = map[catalog.OID][]catalog.OID{}
	if err := each(ctx, tx, "views.sql", func(v catalog.OID, reads []catalog.OID) { m.views[v] = reads }); err != nil {
		return nil, err
	}
	m.bound = map[catalog.OID][]catalog.OID{}
	if err := each(ctx, tx, "bound.sql", func(v, key catalog.OID) { m.bound[key] = append(m.bound[key], v) }); err != nil {
		return nil, err
	}
	m.unowned = map[catalog.OID][]string{}
	if err := each(ctx, tx, "sequences.sql", func(t catalog.OID, seq string) { m.unowned[t] = append(m.unowned[t], seq) }); err != nil {
		return nil, err
	}
	m.whole = map[catalog.OID]catalog.OID{}
	if err := each(ctx, tx, "parts.sql", func(part, whole catalog.OID) { m.whole[part] = whole }); err != nil {
		return nil, err
	}
	m.replica = map[catalog.OID]catalog.OID{}
	if err := each(ctx, tx, "identity.sql", func(t, index catalog.OID) { m.replica[t] = index }); err != nil {
		return nil, err
	}
	return m, nil
}

func each[A, B any](ctx context.Context, tx pgx.Tx, name string, do func(A, B)) error {
	rows, err := tx.Query(ctx, query(name))
	if err == nil {
		var a A
		var b B
		_, err = pgx.ForEachRow(rows, []any{&a, &b}, func() error { do(a, b); return nil })
	}
	if err != nil {
		return fmt.Errorf("read the catalogue (%s): %w", name, err)
	}
	return nil
}

// work decides everything that can be decided, and asks the rest.
func (m *model) work(ctx context.Context, tx pgx.Tx, cfg Config) error {
	if err := m.findRoot(cfg); err != nil {
		return err
	}
	m.chooseColumn()
	m.settle()
	m.findUnsupported()
	m.findKeys()
	m.findReferences()
	m.findBoundViews()
	m.findFunctions()
	if err := m.checkRows(ctx, tx, cfg.Progress); err != nil {
		return err
	}
	m.sortQuestions()
	return nil
}

// findUnsupported asks about what no plan can handle yet.
func (m *model) findUnsupported() {
	for _, t := range m.tables {
		if !t.owned() && t.class != shared {
			continue
		}
		if len(t.Parents) > 0 || m.inherited(t) {
			m.ask("unsupported", t.Name(), 0, "make it a table of its own, or a partition", "%s takes part in inheritance", t.Name())
		}
		if len(t.Policies) > 0 || t.RLS {
			m.ask("unsupported", t.Name(), 0, "drop its policies and disable row-level security when the plan is applied, or protect it by hand", "%s has row-level security already", t.Name())
		}
		for _, p := range t.parts {
			if p.Kind == catalog.PartitionedTable {
				m.ask("unsupported", t.Name(), 0, "flatten its partitions", "the partition %s has partitions itself", p.Name())
			}
		}
		for _, r := range t.Rules {
			m.ask("unsupported", t.Name(), 0, "make it a trigger", "%s has the rewrite rule %s", t.Name(), r.Name)
		}
		if col := t.ColumnNamed(t.column); t.owned() && t.added && col != nil {
			m.ask("unsupported", t.Name(), 0, "rename the column", "%s has a column %s that is not the tenant's", t.Name(), col.Name)
		}
		for _, w := range t.ways {
			if col := t.ColumnNamed(w.cols[0]); w.constraint == nil && !col.NotNull {
				m.tell(t.Name(), "%s.%s may be NULL, and no row has that: one without a tenant is refused from then on", t.Name(), col.Name)
			}
		}
	}
	for _, r := range m.cat.Relations {
		if r.Kind == catalog.ForeignTable && !r.Extension {
			m.tell(r.Name(), "%s is a foreign table: it has no policies, and the application gets no right on it", r.Name())
		}
	}
}

func (m *model) inherited(t *table) bool {
	return t.Kind == catalog.Table && slices.ContainsFunc(m.cat.Relations, func(r *catalog.Relation) bool { return slices.Contains(r.Parents, t.OID) })
}

// findBoundViews asks about views that group by a key alone: they depend on it.
func (m *model) findBoundViews() {
	for _, t := range m.order {
		for _, k := range t.keys {
			if k.constraint == nil {
				continue
			}
			for _, v := range m.bound[k.constraint.OID] {
				if r := m.cat.Relation(v); r != nil {
					m.ask("view-key", r.Name(), 0, "group by every column that it shows, too", "%s groups by the key of %s and shows other columns of it", r.Name(), t.Name())
				}
			}
		}
	}
}

func (m *model) plan(installed bool) *Plan {
	p := &Plan{
		TenantTable: m.root.Name(), TenantColumn: m.named, Column: m.addedColumn(),
		Assumed: filled(m.assumed), Questions: filled(m.questions), Roles: filled(m.roles), fingerprint: m.fingerprint(),
	}
	for _, t := range m.tables {
		line := Table{Name: t.Name(), Kind: map[class]string{root: "tenants", tenant: "tenant", shared: "shared", closed: "closed", unsettled: "undecided"}[t.class], Column: t.column, Added: t.added}
		var from []string
		for _, w := range t.ways {
			from = append(from, strings.Join(w.cols, ", ")+" → "+w.to.Name())
		}
		line.From = strings.Join(from, ", else ")
		if t.from != "" {
			line.From = "an expression"
		}
		p.Tables = append(p.Tables, line)
	}
	if len(m.questions) == 0 {
		p.Steps = m.steps(installed)
	}
	p.Notices = filled(m.notices) // making the steps adds some
	return p
}

// filled is a list that JSON shows as one, also if nothing is in it.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// fingerprint tells whether the schema is still the one that the plan is for.
func (m *model) fingerprint() string {
	h := sha256.New()
	for _, t := range m.tables {
		for _, r := range append([]*catalog.Relation{t.Relation}, t.parts...) {
			io.WriteString(h, r.Name()+"\n")
			for _, c := range r.Columns {
				fmt.Fprintf(h, "%s %s %v\n", c.Name, c.Type, c.NotNull)
			}
			for _, k := range r.Constraints {
				fmt.Fprintf(h, "%s %s\n", k.Name, k.Definition)
			}
			for _, i := range r.Indexes {
				fmt.Fprintln(h, i.Definition)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// withoutRow takes from a server's error what may hold values of a row.
func withoutRow(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	hint := ""
	if pg.Hint != "" && pg.Code == "23514" && pg.ConstraintName == "" {
		hint = " (" + strings.TrimSuffix(strings.ToLower(pg.Hint[:1])+pg.Hint[1:], ".") + ")"
	}
	return &serverError{code: pg.Code, text: pg.Message + " [" + pg.Code + "]" + hint}
}

// A serverError is what is left of a server's error.
type serverError struct{ code, text string }

func (e *serverError) Error() string { return e.text }
