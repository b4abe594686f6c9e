package leaktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// build chooses the values of a row. A reason instead of values says what could
// not be invented, and how to give it.
func (d *seeder) build(ctx context.Context, t *table, owner *tenant, i int, p plan) (map[string]value, string, error) {
	m := maker{w: d.w, label: "wt", n: 10*d.n + p.skip}
	if owner != nil {
		m.label = owner.label
	}
	fixed := map[string]value{}
	if t.column != nil {
		fixed[t.column.Name] = text(owner.id)
	}
	for _, name := range d.w.tenantColumns(t.rel) {
		if _, ok := fixed[name]; !ok && owner != nil && t.class != directory {
			fixed[name] = text(owner.id)
		}
	}
	d.takePromise(t, owner, fixed)
	if reason := d.foreignValues(t, owner, i, p, m, fixed); reason != "" {
		return nil, reason, nil
	}
	for name := range p.empty {
		fixed[name] = null
	}
	if p.natural != nil {
		d.naturalValues(t, p.natural, fixed)
	}
	checks := d.w.checksOf(t, d.n)
	for _, group := range groups(checks) {
		reason, err := d.solveGroup(ctx, t, group, fixed, m, p)
		if err != nil || reason != "" {
			return nil, reason, err
		}
	}
	for _, c := range t.rel.Columns {
		if _, ok := fixed[c.Name]; ok || c.Generated != "" {
			continue
		}
		if c.Default != "" || c.Identity != "" || (p.minimal && !c.NotNull) {
			if !p.filled[c.Name] {
				continue
			}
		}
		v, ok := m.base(c.TypeOID, c.Type, c.Name)
		switch {
		case ok:
			fixed[c.Name] = text(v)
		case c.NotNull:
			return nil, fmt.Sprintf("no value of type %s can be invented for column %s (insert rows by --seed)", c.Type, c.Name), nil
		}
	}
	return fixed, "", nil
}

// tenantColumns returns the columns of a table that are named like the tenant's.
func (w *world) tenantColumns(r *catalog.Relation) []string {
	var out []string
	for _, name := range w.ten.Names {
		if r.ColumnNamed(name) != nil {
			out = append(out, name)
		}
	}
	return out
}

// naturalValues repeats the values of another tenant's row that people give:
// names, numbers, addresses. Keys and generated values are left.
func (d *seeder) naturalValues(t *table, from *row, fixed map[string]value) {
	keys := map[string]bool{}
	for _, num := range t.rel.PrimaryKey() {
		if c := t.rel.Column(num); c.Default != "" || c.Identity != "" || c.BaseType == "uuid" {
			keys[c.Name] = true
		}
	}
	for _, c := range t.rel.Columns {
		v, ok := from.value(c.Name)
		if _, set := fixed[c.Name]; set || !ok || keys[c.Name] || c.Generated != "" || c.Identity != "" {
			continue
		}
		fixed[c.Name] = v
	}
}

// foreignValues takes the values of foreign keys from rows of the same tenant.
func (d *seeder) foreignValues(t *table, owner *tenant, i int, p plan, m maker, fixed map[string]value) string {
	keys := d.w.foreignKeys(t.rel)
	// Required keys first, so that an optional one fits to them.
	slices.SortStableFunc(keys, func(a, b *catalog.Constraint) int {
		return boolInt(d.w.required(t.rel, b)) - boolInt(d.w.required(t.rel, a))
	})
	uses := map[*table]int{}
	for _, k := range keys {
		required := d.w.required(t.rel, k)
		if p.minimal && !required || d.leftEmpty(t, k, p) {
			d.setEmpty(t, k, fixed)
			continue
		}
		parent := d.w.byOID[k.References]
		if parent == nil {
			if required {
				return fmt.Sprintf("table %s of key %s is not among the schemas (name its schema by --schema)", t.name(), k.Name)
			}
			d.setEmpty(t, k, fixed)
			continue
		}
		if up := d.parentRow(parent, k, owner, i+uses[parent]+p.skip%3, d.known(t, k, fixed)); up != nil {
			uses[parent]++ // a second key to the same table refers to another row
			for n, num := range k.Columns {
				fixed[t.rel.Column(num).Name], _ = up.value(parent.rel.Column(k.ReferencedColumns[n]).Name)
			}
			continue
		}
		switch {
		case parent == t && required:
			d.referToItself(t, k, m, fixed)
		case !required:
			if !d.done[parent.rel.OID] {
				d.patchLater(t, k)
			}
			d.setEmpty(t, k, fixed)
		case d.done[parent.rel.OID]:
			why := parent.seedErr
			if why == "" {
				why = "no row of it fits"
			}
			return fmt.Sprintf("foreign key %s needs a row of %s: %s", k.Name, shownName(parent.rel), why)
		default:
			d.promise(t, parent, k, owner, m, fixed)
		}
	}
	return ""
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (d *seeder) leftEmpty(t *table, k *catalog.Constraint, p plan) bool {
	return slices.ContainsFunc(k.Columns, func(num int16) bool { return p.empty[t.rel.Column(num).Name] })
}

// setEmpty leaves a foreign key empty: its columns that may be, except those
// that have a value already.
func (d *seeder) setEmpty(t *table, k *catalog.Constraint, fixed map[string]value) {
	for _, num := range k.Columns {
		c := t.rel.Column(num)
		if _, ok := fixed[c.Name]; !ok && !c.NotNull {
			fixed[c.Name] = null
		}
	}
}

// known returns what the row's values say of the columns that a key refers to.
func (d *seeder) known(t *table, k *catalog.Constraint, fixed map[string]value) map[string]value {
	out := map[string]value{}
	parent := d.w.byOID[k.References]
	for i, num := range k.Columns {
		if v, ok := fixed[t.rel.Column(num).Name]; ok && !v.null {
			out[parent.rel.Column(k.ReferencedColumns[i]).Name] = v
		}
	}
	return out
}

// parentRow chooses a row of the tenant to refer to.
func (d *seeder) parentRow(parent *table, k *catalog.Constraint, owner *tenant, i int, known map[string]value) *row {
	var fit []*row
	for _, r := range parent.rows {
		if parent.class != shared && r.tenant != owner {
			continue
		}
		ok := true
		for name, v := range known {
			ok = ok && sameText(r.values[name], v.text)
		}
		for _, num := range k.ReferencedColumns {
			ok = ok && r.values[parent.rel.Column(num).Name] != nullText
		}
		if ok {
			fit = append(fit, r)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return fit[i%len(fit)]
}

// sameText compares what the server printed with what was given to it.
func sameText(a, b string) bool {
	return a == b || strings.TrimRight(a, " ") == strings.TrimRight(b, " ")
}

// referToItself makes the first row of a tree its own parent.
func (d *seeder) referToItself(t *table, k *catalog.Constraint, m maker, fixed map[string]value) {
	for i, num := range k.Columns {
		col, key := t.rel.Column(num), t.rel.Column(k.ReferencedColumns[i])
		v, ok := fixed[key.Name]
		if !ok {
			made, _ := m.base(key.TypeOID, key.Type, key.Name)
			v = text(made)
			fixed[key.Name] = v
		}
		fixed[col.Name] = v
	}
}

// promise invents the key of a row that will be made later.
func (d *seeder) promise(t, parent *table, k *catalog.Constraint, owner *tenant, m maker, fixed map[string]value) {
	made := promise{tenant: owner, values: map[string]value{}}
	for i, num := range k.Columns {
		col, key := t.rel.Column(num), parent.rel.Column(k.ReferencedColumns[i])
		v, ok := fixed[col.Name]
		if !ok {
			s, _ := m.base(key.TypeOID, key.Type, key.Name)
			v = text(s)
			fixed[col.Name] = v
		}
		made.values[key.Name] = v
	}
	d.promised[parent.rel.OID] = append(d.promised[parent.rel.OID], made)
}

// takePromise gives a row the key that another one refers to already.
func (d *seeder) takePromise(t *table, owner *tenant, fixed map[string]value) {
	list := d.promised[t.rel.OID]
	taken := map[string]bool{}
	for _, r := range t.rows {
		for _, v := range r.values {
			taken[v] = true
		}
	}
	for _, p := range list {
		if p.tenant != owner {
			continue
		}
		open := false
		for _, v := range p.values {
			open = open || !taken[v.text]
		}
		if open {
			for name, v := range p.values {
				if _, ok := fixed[name]; !ok {
					fixed[name] = v
				}
			}
			return
		}
	}
}

func (d *seeder) patchLater(t *table, k *catalog.Constraint) {
	if !slices.ContainsFunc(d.patches, func(p patch) bool { return p.key == k }) {
		d.patches = append(d.patches, patch{t, k})
	}
}

// solveGroup finds values for the columns of checks that hang together.
func (d *seeder) solveGroup(ctx context.Context, t *table, group []check, fixed map[string]value, m maker, p plan) (string, error) {
	open := false
	for _, c := range group {
		for _, name := range c.columns {
			col := t.rel.ColumnNamed(name)
			if _, ok := fixed[name]; !ok && (col.Default == "" && (col.NotNull || !p.minimal) || p.filled[name] || d.bounded(t, name)) {
				open = true
			}
		}
	}
	if !open {
		return "", nil
	}
	solutions, err := d.solve(ctx, t, group, fixed, m)
	if bad, ok := errors.AsType[*unsolved](err); ok {
		return fmt.Sprintf("the checks of columns %s could not be evaluated: %s (insert rows by --seed)", joinColumns(group), bad.reason), nil
	}
	if err != nil {
		return "", err
	}
	if len(solutions) == 0 {
		return fmt.Sprintf("no values were found that the checks of columns %s accept (insert rows by --seed)", joinColumns(group)), nil
	}
	solutions = usual(t, solutions)
	for name, v := range solutions[(d.n+p.turn)%len(solutions)] {
		fixed[name] = v
	}
	return "", nil
}

// usual keeps the solutions in which columns have their default, if there are
// such: a state that the application begins with is one that it can leave.
func usual(t *table, solutions []map[string]value) []map[string]value {
	var out []map[string]value
	for _, solution := range solutions {
		plain := true
		for name, v := range solution {
			if def, ok := constantDefault(t.rel.ColumnNamed(name)); ok && v != text(def) {
				plain = false
			}
		}
		if plain {
			out = append(out, solution)
		}
	}
	if len(out) == 0 {
		return solutions
	}
	return out
}

// bounded says whether the column chooses the partition.
func (d *seeder) bounded(t *table, name string) bool {
	leaf := d.w.leaf(t.rel, d.n)
	if leaf == nil {
		return false
	}
	return slices.ContainsFunc(scanSQL(d.w.bounds[leaf.OID]), func(tok sqlToken) bool { return tok.kind == tokenWord && tok.value() == name })
}

func joinColumns(group []check) string {
	var names []string
	for _, c := range group {
		for _, n := range c.columns {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return strings.Join(names, ", ")
}
