package leaktest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// upserts aims ON CONFLICT at a foreign row.
func (a *attacker) upserts(ctx context.Context) error {
	if !a.t.canInsert() || a.own1 == nil || a.theirs == nil {
		return nil
	}
	mine, _, err := a.fresh(ctx, a.me)
	if err != nil || mine == nil {
		return err
	}
	tried := false
	for _, i := range a.t.rel.Indexes {
		if !i.Unique || i.Predicate != "" || i.Expressions != "" || i.Partition {
			continue
		}
		sql := a.upsertSQL(i, mine, a.theirs)
		if sql == "" {
			continue
		}
		r, err := a.write(ctx, sql)
		if err != nil {
			return err
		}
		tried = true
		if len(r.changed) > 0 {
			a.leaked(ruleUpsert, "upsert", "index "+i.Name, "", "INSERT … ON CONFLICT DO UPDATE changes another tenant's row")
			return nil
		}
	}
	if tried {
		a.cell("upsert", Held, "", "no row of another tenant is changed")
	}
	return nil
}

// upsertSQL inserts the tenant's row with the key of another row.
func (a *attacker) upsertSQL(i *catalog.Index, mine map[string]value, other *row) string {
	values := maps.Clone(mine)
	var target []string
	for _, num := range i.Columns {
		c := a.t.rel.Column(num)
		if c == nil {
			return ""
		}
		target = append(target, c.Name)
		if c != a.t.column {
			values[c.Name], _ = other.value(c.Name)
		}
	}
	for _, c := range a.settable() {
		if set := a.assignment(c); set != "" && !slices.Contains(target, c.Name) {
			return insertSQL(a.t, a.insertable(values), "", fmt.Sprintf(" on conflict (%s) do update set %s", quoteNames(target), set))
		}
	}
	return ""
}

// merges uses MERGE, which reads and writes.
func (a *attacker) merges(ctx context.Context) error {
	if !a.t.canSelect() || len(a.t.rel.Rules) > 0 {
		return nil
	}
	for _, action := range a.mergeActions() {
		r, err := a.write(ctx, fmt.Sprintf("merge into %s t using (select 1) s on true when matched then %s", a.t.name(), action))
		if err != nil {
			return err
		}
		if r.err != nil && !r.refused() && a.w.super {
			if r, err = a.writeWith(ctx, fmt.Sprintf("merge into %s t using (select 1) s on true when matched then %s", a.t.name(), action), true); err != nil {
				return err
			}
		}
		rule, command := ruleUpdate, "w"
		if action == "delete" {
			rule, command = ruleDelete, "d"
		}
		switch {
		case r.err != nil && !r.refused():
			a.cell("merge", Closed, "", "MERGE is not possible here: "+r.String())
		case len(r.changed) > 0 || int(r.affected) > a.own+a.nobody():
			a.leaked(rule, "merge", a.policies(command), "", fmt.Sprintf("MERGE reaches %s where the tenant has %d", count(int(r.affected), "row"), a.own))
		default:
			a.cell("merge", Held, fmt.Sprintf("own rows: %d", r.affected), r.String())
		}
	}
	return nil
}

func (a *attacker) mergeActions() []string {
	var out []string
	for _, c := range a.settable() {
		if set := a.assignment(c); set != "" {
			out = append(out, "update set "+set)
			break
		}
	}
	if a.t.deletes {
		out = append(out, "delete")
	}
	return out
}

// copies writes with COPY.
func (a *attacker) copies(ctx context.Context) error {
	if !a.t.canInsert() {
		return nil
	}
	owner := a.victim
	if a.singular() {
		owner = a.w.spare
	}
	if owner == nil || a.t.class == directory {
		return nil
	}
	theirs, _, err := a.fresh(ctx, owner)
	if err != nil || theirs == nil {
		return err
	}
	var names, fields []string
	for name, v := range a.insertable(theirs) {
		names = append(names, name)
		if v.null {
			fields = append(fields, `\N`)
		} else {
			fields = append(fields, strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`).Replace(v.text))
		}
	}
	if len(names) == 0 {
		return nil
	}
	var r result
	err = a.scope(ctx, func() error {
		if _, err := a.written(ctx); err != nil {
			return err
		}
		return a.as(ctx, a.me, func() error {
			_, err := a.conn.PgConn().CopyFrom(ctx, strings.NewReader(strings.Join(fields, "\t")+"\n"), fmt.Sprintf("copy %s (%s) from stdin", a.t.name(), quoteNames(names)))
			if err != nil {
				r.outcome, err = a.failed(ctx, err)
				return err
			}
			r.changed, err = a.changed(ctx)
			return err
		})
	})
	if err != nil {
		return err
	}
	switch {
	case len(r.changed) > 0:
		a.leaked(ruleInsert, "copy from", a.policies("a"), "", "COPY FROM writes a row that belongs to another tenant")
	case r.refused() || r.err == nil:
		a.cell("copy from", Held, "", r.String())
	default:
		a.cell("copy from", Held, "", "refused for every row: "+r.String())
	}
	return nil
}

// foreignKeys refers to rows of another tenant.
func (a *attacker) foreignKeys(ctx context.Context) error {
	for _, k := range a.w.foreignKeys(a.t.rel) {
		parent := a.w.byOID[k.References]
		if parent == nil || parent.class == shared || parent.class == directory || k == a.t.via {
			continue
		}
		if err := a.foreignKey(ctx, k, parent); err != nil {
			return err
		}
	}
	return nil
}

func (a *attacker) foreignKey(ctx context.Context, k *catalog.Constraint, parent *table) error {
	var theirs *row
	for _, r := range parent.rows {
		if r.tenant == a.victim {
			theirs = r
		}
	}
	attack := "foreign key " + k.Name
	if theirs == nil {
		a.unproved(attack, "", "the referenced table has no row of the other tenant: "+parent.seedErr)
		return nil
	}
	stolen := map[string]value{}
	for i, num := range k.Columns {
		c := a.t.rel.Column(num)
		if c != a.t.column && !slices.Contains(a.w.ten.Names, c.Name) {
			stolen[c.Name], _ = theirs.value(parent.rel.Column(k.ReferencedColumns[i]).Name)
		}
	}
	if len(stolen) == 0 {
		return nil
	}
	for _, try := range []func(context.Context, map[string]value) (result, bool, error){a.withInsert, a.withUpdate} {
		r, possible, err := try(ctx, stolen)
		if err != nil {
			return err
		}
		if !possible {
			continue
		}
		switch {
		case r.err == nil && r.affected > 0:
			a.leaked(ruleForeignKey, attack, "foreign key "+k.Name, "", "a row of a tenant can refer to another tenant's row in "+shownName(parent.rel))
			return nil
		case r.err == nil, r.refused(), r.code() == "23503":
			a.cell(attack, Held, "", r.String())
		case r.code() == "23505" || r.code() == "23P01" || raised(r) || r.code() == "23514":
			a.cell(attack, Held, "", "refused: "+r.String())
		default:
			a.unproved(attack, "", r.String())
			return nil
		}
	}
	return nil
}

// withInsert inserts a row of the tenant with some values put in.
func (a *attacker) withInsert(ctx context.Context, put map[string]value) (result, bool, error) {
	if !a.t.canInsert() {
		return result{}, false, nil
	}
	values, _, err := a.fresh(ctx, a.me)
	if err != nil || values == nil {
		return result{}, false, err
	}
	control, err := a.write(ctx, insertSQL(a.t, a.insertable(values), "", ""))
	if err != nil || control.err != nil {
		return result{}, false, err
	}
	maps.Copy(values, put)
	kept := a.insertable(values)
	for name := range put {
		if _, ok := kept[name]; !ok {
			return result{}, false, nil // the application may not choose it
		}
	}
	r, err := a.immediate(ctx, insertSQL(a.t, kept, "", ""))
	return r, true, err
}

// withUpdate puts the values into an own row.
func (a *attacker) withUpdate(ctx context.Context, put map[string]value) (result, bool, error) {
	if !a.t.canUpdate() || a.own1 == nil || !a.t.selects {
		return result{}, false, nil
	}
	var sets []string
	for name, v := range put {
		c := a.t.rel.ColumnNamed(name)
		if !a.t.updates && !a.t.updCols[c.Num] || c.Generated != "" || c.Identity == "a" {
			return result{}, false, nil
		}
		sets = append(sets, quoteName(name)+" = "+v.sql())
	}
	r, err := a.immediate(ctx, fmt.Sprintf("update %s t set %s where t.tableoid::text || t.ctid::text = %s", a.t.name(), strings.Join(sets, ", "), quoteText(a.own1.place)))
	return r, true, err
}

// immediate is write with deferred constraints checked at once.
func (a *attacker) immediate(ctx context.Context, sql string) (result, error) {
	var r result
	err := a.scope(ctx, func() error {
		if err := a.must(ctx, "set constraints all immediate"); err != nil {
			return err
		}
		var err error
		r, err = a.write(ctx, sql)
		return err
	})
	return r, err
}

// uniqueKeys asks unique and exclusion constraints whether a foreign value is
// there.
func (a *attacker) uniqueKeys(ctx context.Context) error {
	if a.theirs == nil {
		return nil
	}
	for _, i := range a.t.rel.Indexes {
		if (!i.Unique && !i.Exclusion) || a.hasTenant(i) {
			continue
		}
		if err := a.uniqueKey(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// hasTenant says whether the key is one per tenant: its columns hold the tenant.
func (a *attacker) hasTenant(i *catalog.Index) bool {
	if a.t.column != nil && slices.Contains(i.Columns, a.t.column.Num) {
		return !i.Exclusion || a.tenantEqual(i)
	}
	return false
}

// tenantEqual says whether an exclusion constraint compares the tenant.
func (a *attacker) tenantEqual(i *catalog.Index) bool {
	return slices.ContainsFunc(a.t.rel.Constraints, func(k *catalog.Constraint) bool {
		return k.Type == "x" && k.Index == i.OID && strings.Contains(k.Definition, quoteIfNeeded(a.t.column.Name)+" WITH =")
	})
}

// quoteIfNeeded writes a name as the server prints it.
func quoteIfNeeded(name string) string {
	for i, r := range name {
		if !(r == '_' || r >= 'a' && r <= 'z' || i > 0 && r >= '0' && r <= '9') {
			return quoteName(name)
		}
	}
	return name
}

func (a *attacker) uniqueKey(ctx context.Context, i *catalog.Index) error {
	put := map[string]value{}
	surrogate := true
	for _, name := range a.indexColumns(i) {
		c := a.t.rel.ColumnNamed(name)
		if c == nil || c == a.t.column {
			continue
		}
		if c.Generated != "" {
			return nil
		}
		put[name], _ = a.theirs.value(name)
		surrogate = surrogate && a.surrogate(c)
	}
	if len(put) == 0 {
		return nil
	}
	rule, what, code := ruleUnique, "unique key", "23505"
	if i.Exclusion {
		rule, what, code = ruleExclusion, "exclusion constraint", "23P01"
	}
	attack := what + " " + i.Name
	for _, try := range []func(context.Context, map[string]value) (result, bool, error){a.withInsert, a.withUpdate} {
		r, possible, err := try(ctx, put)
		if err != nil {
			return err
		}
		if !possible {
			continue
		}
		switch {
		case r.code() == code && r.err.ConstraintName == i.Name:
			message := fmt.Sprintf("a tenant learns by %s that another tenant has a value", code)
			if surrogate || a.t.class == directory {
				a.find(rule, Warning, attack, message)
				a.cell(attack, Held, "", "of no use: "+r.String())
				return nil
			}
			a.leaked(rule, attack, attack, "", message)
			return nil
		case r.refused() || r.err == nil || r.code() == "23503" || r.code() == "23505" || r.code() == "23P01" || r.code() == "23514" || raised(r):
			a.cell(attack, Held, "", r.String())
		default:
			a.unproved(attack, "", r.String())
		}
	}
	return nil
}

// surrogate says whether a column holds a key that the database makes, or that
// refers to such a key: its values say nothing.
func (a *attacker) surrogate(c *catalog.Column) bool {
	if c.Identity != "" || strings.Contains(c.Default, "nextval(") || strings.Contains(c.Default, "uuid") || c.BaseType == "uuid" {
		return true
	}
	for _, k := range a.t.rel.Constraints {
		if k.Type == "f" && len(k.Columns) == 1 && k.Columns[0] == c.Num {
			return true
		}
	}
	return false
}

// indexColumns returns the columns of an index, those in its expressions and
// its predicate included.
func (a *attacker) indexColumns(i *catalog.Index) []string {
	var names []string
	add := func(num int16) {
		if c := a.t.rel.Column(num); c != nil && !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	for _, num := range i.Columns {
		add(num)
	}
	for _, tree := range []string{i.Expressions, i.Predicate} {
		node, err := catalog.ParseNode(tree)
		if err != nil {
			continue
		}
		node.Walk(func(n *catalog.Node) bool {
			if n.Tag == "VAR" {
				add(int16(n.Int("varattno")))
			}
			return true
		})
	}
	return names
}
