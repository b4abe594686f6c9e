package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// settable returns columns that can be set to a constant without breaking
// something else: not in a key or a check, different between the tenants.
func (a *attacker) settable() []*catalog.Column {
	weight := map[int16]int{}
	for _, k := range a.t.rel.Constraints {
		for _, num := range k.Columns {
			weight[num] += 2
		}
	}
	for _, i := range a.t.rel.Indexes {
		if i.Unique {
			for _, num := range i.Columns {
				weight[num] += 4
			}
		}
	}
	var out []*catalog.Column
	for _, c := range a.t.rel.Columns {
		if c.Generated != "" || c.Identity == "a" || c == a.t.column || !(a.t.updates || a.t.updCols[c.Num]) || slices.Contains(a.w.ten.Names, c.Name) {
			continue
		}
		if a.own1 != nil && a.theirs != nil && a.own1.values[c.Name] == a.theirs.values[c.Name] {
			weight[c.Num]++
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(x, y *catalog.Column) int { return weight[x.Num] - weight[y.Num] })
	return out[:min(len(out), 6)]
}

// assignment sets a column to what the tenant's own row holds.
func (a *attacker) assignment(c *catalog.Column) string {
	v := null
	if a.own1 != nil {
		v, _ = a.own1.value(c.Name)
	}
	if v.null && c.NotNull {
		return ""
	}
	return quoteName(c.Name) + " = " + v.sql()
}

// updates changes rows of other tenants, and moves rows between tenants.
func (a *attacker) updates(ctx context.Context) error {
	if !a.t.canUpdate() {
		a.cell("update", Closed, "", "the application may not update")
		return nil
	}
	if err := a.blindUpdate(ctx); err != nil {
		return err
	}
	return a.moves(ctx)
}

// blindUpdate has no WHERE: then the policies for reading are not asked, only
// those for updating.
func (a *attacker) blindUpdate(ctx context.Context) error {
	columns := a.settable()
	if len(columns) == 0 {
		return nil
	}
	var last result
	for _, c := range columns {
		for _, set := range []string{a.assignment(c), a.scatter(c)} {
			if set == "" {
				continue
			}
			r, err := a.write(ctx, fmt.Sprintf("update %s set %s", a.t.name(), set))
			if err != nil {
				return err
			}
			last = r
			if r.err != nil && !r.refused() && a.w.super {
				if r, err = a.writeWith(ctx, fmt.Sprintf("update %s set %s", a.t.name(), set), true); err != nil {
					return err
				}
			}
			if r.err != nil && !r.refused() {
				continue
			}
			a.judgeBlind(ruleUpdate, "update", "w", r)
			return a.returning(ctx, c)
		}
	}
	if last.err != nil {
		return a.unchangedUpdate(ctx, columns[0], last)
	}
	return nil
}

// unchangedUpdate sets a column to what it is, where no constant can be set.
func (a *attacker) unchangedUpdate(ctx context.Context, c *catalog.Column, last result) error {
	r, err := a.write(ctx, fmt.Sprintf("update %s set %s = %s", a.t.name(), quoteName(c.Name), quoteName(c.Name)))
	if err != nil {
		return err
	}
	if r.err != nil {
		a.unproved("update", "", last.String())
		return nil
	}
	a.judgeBlind(ruleUpdate, "update", "w", r)
	return a.returning(ctx, c)
}

// scatter sets a column to another value in each row, without reading it: keys
// stay unique.
func (a *attacker) scatter(c *catalog.Column) string {
	typ := a.w.types[c.BaseOID]
	if typ == nil {
		return ""
	}
	expr := ""
	switch {
	case isText(typ):
		expr = "pg_catalog.md5(pg_catalog.random()::text)"
		if limit, _, ok := modifiers(a.w.baseType(c)); ok {
			expr = fmt.Sprintf("pg_catalog.left(%s, %d)", expr, limit)
		}
	case typ.TypeName == "uuid":
		expr = "pg_catalog.gen_random_uuid()"
	case strings.HasPrefix(typ.TypeName, "int") && typ.TypeName != "interval":
		expr = "(100 + 30000 * pg_catalog.random())::int"
	case typ.TypeName == "timestamptz" || typ.TypeName == "timestamp":
		expr = "pg_catalog.now() + pg_catalog.random() * interval '300 days'"
	default:
		return ""
	}
	return quoteName(c.Name) + " = " + expr
}

// judgeBlind judges a statement that hit whatever it could reach, own rows
// included.
func (a *attacker) judgeBlind(rule, attack, command string, r result) {
	control := fmt.Sprintf("own rows: %d", min(int(r.affected), a.own))
	switch {
	case r.refused():
		a.cell(attack, Closed, "own rows: refused", r.String())
	case len(r.changed) > 0 && !slices.Contains(r.changed, a.t) && !a.holds(r.changed):
		a.leaked(ruleSideEffect, attack, a.causes(), control, "a tenant's own "+attack+" changes rows of other tenants in "+r.changedNames())
	case len(r.changed) > 0 || int(r.affected) > a.own+a.nobody():
		a.leaked(rule, attack, a.policies(command), control, fmt.Sprintf("%s without WHERE reaches %s where the tenant has %d", strings.ToUpper(attack), count(int(r.affected), "row"), a.own))
	case r.affected == 0 && a.own > 0 && !a.closed(command):
		a.unproved(attack, control, "not even the tenant's own rows were reached")
	default:
		a.cell(attack, Held, control, "no row of another tenant")
	}
}

// holds says whether one of the tables is a partition or child of this one.
func (a *attacker) holds(tables []*table) bool {
	return slices.ContainsFunc(tables, func(t *table) bool { return slices.Contains(a.w.cat.Ancestors(t.rel), a.t.rel) })
}

func (a *attacker) nobody() int {
	n := 0
	for _, owner := range a.owners {
		if owner == nullText {
			n++
		}
	}
	return n
}

// returning aims at the foreign rows and asks for them back.
func (a *attacker) returning(ctx context.Context, c *catalog.Column) error {
	if a.t.column == nil || !a.t.selectCols[a.t.column.Num] || !a.t.selectCols[c.Num] || a.theirs == nil {
		return nil
	}
	key := quoteName(a.t.column.Name)
	set := fmt.Sprintf("%s = %s", quoteName(c.Name), quoteName(c.Name))
	for _, sql := range []string{
		fmt.Sprintf("update %s set %s where %s = %s returning %s::text", a.t.name(), set, key, quoteText(a.victim.id), key),
		fmt.Sprintf("update %s set %s where %s <> %s returning %s::text", a.t.name(), set, key, quoteText(a.me.id), key),
	} {
		r, err := a.write(ctx, sql)
		if err != nil {
			return err
		}
		if r.err == nil && len(r.rows) > 0 {
			a.leaked(ruleUpdate, "returning", a.policies("w"), "", fmt.Sprintf("UPDATE … RETURNING hits and shows %s of another tenant", count(len(r.rows), "row")))
			return nil
		}
		if r.err != nil && !r.refused() {
			a.cell("returning", Held, "", "refused for every row: "+r.String())
			return nil
		}
	}
	a.cell("returning", Held, "", "no row")
	return nil
}

// moves gives own rows to another tenant, and takes foreign ones.
func (a *attacker) moves(ctx context.Context) error {
	c := a.t.column
	if c == nil || a.own1 == nil || a.t.class == directory {
		return nil
	}
	if !a.t.updates && !a.t.updCols[c.Num] {
		a.cell("move", Held, "", "the application may not update column "+c.Name)
		return nil
	}
	name := quoteName(c.Name)
	control := result{}
	const gives = "a tenant gives a row of its own to another tenant"
	give := fmt.Sprintf("update %s set %s = %s", a.t.name(), name, quoteText(a.victim.id))
	if err := a.judgeWrite(ctx, ruleMove, "move", "w", give, control, gives); err != nil {
		return err
	}
	if a.t.selectCols[c.Num] {
		// With a WHERE, the policies for reading judge the new row as well.
		if err := a.judgeWrite(ctx, ruleMove, "move", "w", give+fmt.Sprintf(" where %s = %s", name, quoteText(a.me.id)), control, gives); err != nil {
			return err
		}
	}
	take := fmt.Sprintf("update %s set %s = %s", a.t.name(), name, quoteText(a.me.id))
	return a.judgeWrite(ctx, ruleMove, "move", "w", take, control, "a tenant takes another tenant's row for its own")
}
