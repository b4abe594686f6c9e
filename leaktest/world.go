package leaktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A world is the database under attack and all that is known of it.
type world struct {
	cfg    Config
	target *target
	shared *session // the only session, when the database itself is attacked

	cat    *catalog.Catalog
	types  map[catalog.OID]*catalog.Type
	bounds map[catalog.OID]string // of partitions
	bodies map[catalog.OID]string // of functions with an SQL-standard body
	ten    *catalog.Tenancy

	app         *catalog.Role
	appRoles    map[catalog.OID]bool // whose rights it has
	become      string
	unbecome    string
	appSettings []string
	context     *tenantContext
	super       bool

	only map[catalog.OID]bool // attack these tables alone; all if nil

	tables    []*table // that hold rows of tenants, in the order in which they are filled
	byOID     map[catalog.OID]*table
	byText    map[string]*table // tables by their OID as text
	tableList string            // the OIDs as an array
	spare     *tenant           // has no rows but its own in a directory; nil if there is none
	tenants   []*tenant         // the first three in full; the rest resemble the first
	assumed   []string
	notes     []string
}

// A tenant is one of the suite's own.
type tenant struct {
	index int
	id    string // as text
	label string // letters that its rows carry
	user  string // a user of the tenant, for policies that ask for one
	like  string // in what it resembles the first one, empty for a plain tenant
}

// A table is a relation that holds rows.
type table struct {
	rel    *catalog.Relation
	column *catalog.Column // that holds the tenant, nil if there is none
	via    *catalog.Constraint
	// owner is the tenant of a row of alias t as an expression, empty for a
	// table that belongs to nobody.
	owner string
	class class
	privileges
	rows []*row // that the suite made

	baseline map[int]string // what a tenant must not change, by tenant
	seedErr  string
}

// The class of a table says how its rows belong to tenants.
type class uint8

const (
	shared    class = iota // to nobody
	direct                 // by a column
	derived                // by a foreign key to a table whose rows do
	directory              // each row is a tenant
)

func (t *table) name() string { return t.rel.Name() }

// shownName is the name for people: without quotes where none are needed.
func shownName(r *catalog.Relation) string {
	name := r.RelName
	if r.Schema != "public" {
		name = r.Schema + "." + name
	}
	return name
}

// privileges are those of the application's role on a relation.
type privileges struct {
	usage                           bool // of the schema
	selects, inserts, updates       bool // on the whole table
	deletes, truncates              bool
	references, triggers            bool
	selectCols, insertCols, updCols map[int16]bool
	rowSecurity                     bool // policies apply to the role
}

func (p *privileges) canSelect() bool { return p.usage && (p.selects || len(p.selectCols) > 0) }
func (p *privileges) canInsert() bool { return p.usage && (p.inserts || len(p.insertCols) > 0) }
func (p *privileges) canUpdate() bool { return p.usage && (p.updates || len(p.updCols) > 0) }

// discover reads the database, as it is in the transaction of the session.
func discover(ctx context.Context, cfg Config, t *target, s *session) (*world, error) {
	w := &world{cfg: cfg, target: t, byOID: map[catalog.OID]*table{}}
	s.w = w
	err := s.scope(ctx, func() error { return w.read(ctx, s) })
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (w *world) read(ctx context.Context, s *session) error {
	if err := s.must(ctx, "set local search_path = ''"); err != nil {
		return err
	}
	tx := s.conn
	var err error
	if w.cat, err = catalog.Read(ctx, tx, catalog.Options{}); err != nil {
		return err
	}
	w.narrow()
	if w.types, err = catalog.ReadTypes(ctx, tx); err != nil {
		return err
	}
	if w.bounds, err = catalog.PartitionBounds(ctx, tx); err != nil {
		return err
	}
	if w.bodies, err = catalog.FunctionBodies(ctx, tx); err != nil {
		return err
	}
	if w.ten, err = w.cat.Tenancy(w.cfg.TenantColumns); err != nil {
		return fmt.Errorf("find the tenant tables: %w (name the column with --tenant-column, and the schemas with --schema)", err)
	}
	if w.ten.Assumed != "" {
		w.assumed = append(w.assumed, fmt.Sprintf("the tenant column is %s (%s)", strings.Join(w.ten.Names, " or "), w.ten.Assumed))
	}
	if err := w.findApp(ctx, tx); err != nil {
		return err
	}
	if err := w.findContext(ctx, tx); err != nil {
		return err
	}
	w.findTables()
	return w.readPrivileges(ctx, tx)
}

// named says whether a relation is in one of the schemas to attack.
func (w *world) named(r *catalog.Relation) bool {
	return len(w.cfg.Schemas) == 0 || slices.Contains(w.cfg.Schemas, r.Schema)
}

// narrow leaves the relations of the named schemas, and of the others those
// that they refer to: without rows there, such as of the tenants, none can be
// made here. They are filled and not attacked.
func (w *world) narrow() {
	needed := map[catalog.OID]bool{}
	var need func(r *catalog.Relation)
	need = func(r *catalog.Relation) {
		if r == nil || needed[r.OID] {
			return
		}
		needed[r.OID] = true
		for _, k := range r.Constraints {
			if k.Type == "f" {
				need(w.cat.Relation(k.References))
			}
		}
		for _, part := range w.cat.Relations {
			if slices.Contains(part.Parents, r.OID) {
				need(part)
			}
		}
	}
	for _, r := range w.cat.Relations {
		if w.named(r) {
			need(r)
		}
	}
	w.cat.Relations = slices.DeleteFunc(w.cat.Relations, func(r *catalog.Relation) bool { return !needed[r.OID] })
}

// installed says whether Watertight's own context is in the database.
func (w *world) installed() bool {
	return slices.ContainsFunc(w.cat.Functions, func(f *catalog.Function) bool { return f.Schema == "watertight" && f.FuncName == "enter" })
}

func (w *world) findContext(ctx context.Context, tx *pgx.Conn) error {
	switch {
	case w.cfg.Enter != "":
		w.context = &tenantContext{enter: w.cfg.Enter}
	case w.cfg.TenantSetting == "" && w.installed():
		w.context = &tenantContext{signer: &signer{}, assumed: "a tenant is entered by watertight.enter with a signed token"}
	default:
		w.context = w.guessContext()
		if given := w.cfg.TenantSetting; given != "" && given != w.context.setting {
			w.context.extra = slices.DeleteFunc(w.context.extra, func(e extraSetting) bool { return e.name == given })
			w.context.setting, w.context.claims = given, nil
		}
		if w.cfg.TenantSetting != "" {
			w.context.assumed = ""
		}
	}
	if w.context.assumed != "" {
		w.assumed = append(w.assumed, w.context.assumed)
	}
	return nil
}

// findTables sorts the tables by how their rows belong to tenants.
func (w *world) findTables() {
	for _, r := range w.cat.Relations {
		if !r.IsTable() || r.Extension {
			continue
		}
		t := &table{rel: r, baseline: map[int]string{}}
		if col := w.ten.Column(r); col != nil {
			t.column, t.class = col, direct
			t.owner = "t." + quoteName(col.Name) + "::text"
			if w.ten.IsDirectory(r) {
				t.class = directory
			}
		}
		w.byOID[r.OID] = t
	}
	for changed := true; changed; {
		changed = false
		for _, r := range w.cat.Relations {
			if t := w.byOID[r.OID]; t != nil && t.class == shared && w.derive(t) {
				changed = true
			}
		}
	}
	w.tables = w.inOrder()
}

// derive finds out that the rows of a table belong to tenants through a
// foreign key: lines of an order, without a tenant column of their own.
func (w *world) derive(t *table) bool {
	var best *catalog.Constraint
	for _, k := range t.rel.Constraints {
		if k.Type != "f" || k.References == t.rel.OID {
			continue
		}
		parent := w.byOID[k.References]
		if parent == nil || parent.class == shared || parent.class == directory || !w.required(t.rel, k) {
			continue
		}
		if best == nil || len(k.Columns) > len(best.Columns) {
			best = k
		}
	}
	if best == nil {
		return false
	}
	parent := w.byOID[best.References]
	conds := make([]string, len(best.Columns))
	for i := range best.Columns {
		conds[i] = fmt.Sprintf("p.%s = t.%s", quoteName(parent.rel.Column(best.ReferencedColumns[i]).Name), quoteName(t.rel.Column(best.Columns[i]).Name))
	}
	// The parent's expression says t for its own row; each level renames it.
	depth := strings.Count(parent.owner, "select ") + 1
	alias := fmt.Sprintf("p%d", depth)
	owner := replaceAlias(parent.owner, "t", alias)
	for i := range conds {
		conds[i] = strings.Replace(conds[i], "p.", alias+".", 1)
	}
	inner := fmt.Sprintf("select %s from %s %s where %s limit 1", owner, parent.name(), alias, strings.Join(conds, " and "))
	t.class, t.via, t.owner = derived, best, "("+inner+")"
	return true
}

// replaceAlias renames an alias in an expression made here.
func replaceAlias(expr, from, to string) string {
	var b strings.Builder
	last := 0
	tokens := scanSQL(expr)
	for i, tok := range tokens {
		if tok.kind == tokenWord && tok.text == from && i+1 < len(tokens) && tokens[i+1].text == "." {
			b.WriteString(expr[last:tok.at] + to)
			last = tok.end
		}
	}
	return b.String() + expr[last:]
}

// required says whether every row has to have the foreign key.
func (w *world) required(r *catalog.Relation, k *catalog.Constraint) bool {
	for _, num := range k.Columns {
		if c := r.Column(num); c == nil || !c.NotNull {
			return false
		}
	}
	return true
}

// attackable returns the tables of the named schemas whose rows belong to
// tenants.
func (w *world) attackable() []*table {
	var out []*table
	for _, t := range w.tables {
		if t.class != shared && w.named(t.rel) && (w.only == nil || w.only[t.rel.OID]) {
			out = append(out, t)
		}
	}
	return out
}

var errNoRole = errors.New("no role but the owner has a grant on a tenant table (name the application's role with --app-role)")
