package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// statement analyses one statement and leaves its problems in a.problems.
func (a *analysis) statement(n *node) {
	sc := &scope{}
	a.dataBlock(n, sc, noToken)
	for _, def := range a.ctes {
		if !def.used {
			// Postgres does not run a SELECT that nothing refers to.
			a.markSeen(def.cte.GetCtequery())
		}
	}
	eachTable(n, func(v *rangeVar) {
		if !a.seen[v] {
			// A construct that the analysis walked past. This is the net under
			// every rule above: no table of a statement goes unjudged.
			a.seen[v] = true
			a.report(ruleNotUnderstood, v.GetLocation(), fmt.Sprintf("table %s stands in a place that is not understood (write the query more plainly)", v.GetRelname()))
		}
	})
	a.checkSizes(n)
	if a.tooLarge {
		return // reported; what was built is only a part
	}
	for level := range a.tenancy.levels {
		a.judge(level)
	}
}

// checkSizes reports the columns of pg_class that count the rows of all
// tenants. The rest of it is definitions.
func (a *analysis) checkSizes(n *node) {
	if a.classAt < 0 {
		return
	}
	eachColumn(n, func(c *columnRef) {
		fields := c.GetFields()
		name := lastName(fields)
		if _, star := unwrap(fields[len(fields)-1]).(*aStar); star {
			name = "*"
		}
		switch name {
		case "reltuples", "relpages", "relallvisible", "relallfrozen", "relfrozenxid", "*", "c", "pg_class":
			a.report(ruleCatalog, a.classAt, "pg_class."+name+" tells the volume of all tenants' rows (name the columns that are definitions)").object = "pg_class"
		}
	})
}

// claim is something that must be pinned at one level.
type claim struct {
	occ  *occurrence
	ins  *insertion
	pins []*param
	why  *search
	at   int
}

// judge picks the tenant parameter of the level and reports what it does not
// pin.
func (a *analysis) judge(level int) {
	var claims []claim
	for _, o := range a.occs {
		if o.levels[level] == noNode && a.tenancy.of(o.table).columns[level] == "" {
			continue
		}
		pins, s := a.pinnedBy(o, o.levels[level])
		claims = append(claims, claim{occ: o, pins: pins, why: s, at: o.at})
	}
	for _, in := range a.inserts {
		if in.free[level] {
			continue
		}
		c := claim{ins: in, at: in.at}
		if v := in.levels[level]; v.node != noNode {
			c.why = a.search(v.node, v.from)
			c.pins = c.why.params()
		}
		claims = append(claims, c)
	}
	tenant := choose(claims)
	a.tenantParams = append(a.tenantParams, tenant)
	nullableSaid := false
	for _, c := range claims {
		switch {
		case tenant == nil || len(c.pins) == 0:
			a.unpinned(c, level, tenant)
		case !slices.Contains(c.pins, tenant):
			a.secondTenant(c, level, tenant)
		case tenant.nullable && !nullableSaid:
			nullableSaid = true
			p := a.reportAt(ruleNullable, c.at, fmt.Sprintf("the tenant parameter %s is declared nullable, so a caller may leave the tenant out (write sqlc.arg)", tenant.text()))
			p.table, p.object = c.table().String(), tenant.text()
		}
	}
}

func (c claim) table() *Table {
	if c.occ != nil {
		return c.occ.table
	}
	return c.ins.table
}

// choose returns the parameter that pins the most; of equal ones, one that is
// not nullable, and the first.
func choose(claims []claim) *param {
	count := map[*param]int{}
	for _, c := range claims {
		for _, p := range c.pins {
			count[p]++
		}
	}
	var best *param
	for p, n := range count {
		switch {
		case best == nil || n > count[best]:
			best = p
		case n < count[best]:
		case p.nullable != best.nullable:
			if best.nullable {
				best = p
			}
		case p.order < best.order:
			best = p
		}
	}
	return best
}

// text is the parameter as a query writes it.
func (p *param) text() string { return p.name }

func (a *analysis) reportAt(rule string, at int, message string) *problem {
	a.problems = append(a.problems, problem{rule: rule, at: at, message: message})
	return &a.problems[len(a.problems)-1]
}

func (a *analysis) unpinned(c claim, level int, tenant *param) {
	if c.ins != nil {
		a.unpinnedInsert(c, level, tenant)
		return
	}
	o := c.occ
	column := a.tenancy.of(o.table).columns[level]
	rule := ruleRead
	verb := "reads rows of every tenant"
	if o.write != "" {
		rule = ruleWrite
		verb = map[string]string{"update": "updates", "delete": "deletes", "merge": "merges"}[o.write] + " rows of every tenant"
	}
	where := ""
	if o.via != "" {
		where = " inside view " + o.via
	}
	clause := quoteName(o.alias) + "." + quoteName(column) + " = " + a.suggestion(tenant)
	name := o.table.String()
	if o.alias != o.table.Name {
		name += " (as " + quoteName(o.alias) + ")"
	}
	reason := a.reason(c, column)
	p := a.reportAt(rule, o.at, fmt.Sprintf("%s%s is not pinned to the tenant: %s, so the query %s (add %s)", name, where, reason, verb, clause))
	p.table, p.object, p.fix = o.table.String(), o.alias, "AND "+clause
	if o.via == "" && o.levels[level] != noNode {
		o.nullable = a.nullable[o.rel.leaf]
		p.occ, p.clause = o, clause
	}
}

// reason says in words why the tenant column is free.
func (a *analysis) reason(c claim, column string) string {
	if c.occ.levels == nil || c.why == nil {
		return "its column " + quoteName(column) + " cannot be named here"
	}
	if len(c.occ.hints) > 0 {
		return quoteName(column) + ": " + strings.Join(slices.Compact(c.occ.hints), "; ")
	}
	for n := range c.why.reached {
		if t := a.nodes[n]; t.kind == termLiteral {
			return quoteName(column) + " equals the constant " + t.name + ", not a parameter"
		}
	}
	if len(c.why.reached) > 1 {
		return quoteName(column) + " equals only columns that are themselves free"
	}
	return "no condition makes " + quoteName(column) + " equal the tenant parameter"
}

func (a *analysis) unpinnedInsert(c claim, level int, tenant *param) {
	column := a.tenancy.of(c.ins.table).columns[level]
	var why string
	switch {
	case c.ins.missing[level]:
		why = "does not write " + quoteName(column)
	case c.why == nil:
		why = "writes " + quoteName(column) + " from an expression that is not the tenant parameter"
	default:
		why = "writes " + quoteName(column) + " from a value that is not the tenant parameter in every row"
	}
	fix := quoteName(column) + " := " + a.suggestion(tenant)
	p := a.reportAt(ruleInsert, c.at, fmt.Sprintf("INSERT into %s %s (write %s into %s)", c.ins.table, why, a.suggestion(tenant), quoteName(column)))
	p.table, p.fix = c.ins.table.String(), fix
}

func (a *analysis) secondTenant(c claim, level int, tenant *param) {
	column := a.tenancy.of(c.table()).columns[level]
	p := a.reportAt(ruleSecond, c.at, fmt.Sprintf("%s is pinned to %s, but the rest of the query to %s: two tenants meet in one query (use %s for %s of every table)",
		c.table(), c.pins[0].text(), tenant.text(), tenant.text(), quoteName(column)))
	p.table, p.object = c.table().String(), c.pins[0].text()
	p.fix = quoteName(column) + " = " + tenant.text()
	if c.occ != nil {
		p.fix = quoteName(c.occ.alias) + "." + p.fix
	}
}

// suggestion is the parameter to write into a clause: the tenant parameter of
// the query, or a new one in the style of the query.
func (a *analysis) suggestion(tenant *param) string {
	if tenant != nil {
		return tenant.text()
	}
	numbered := int32(0)
	named := false
	for _, p := range a.params {
		named = named || p.number == 0
		numbered = max(numbered, p.number)
	}
	if named {
		return "@" + a.tenancy.levels[0].Columns[0]
	}
	return "$" + itoa(int(numbered)+1)
}

// hint remembers why a condition on a tenant column was not taken, for the
// occurrence it names.
func (a *analysis) hint(e *node, sc *scope, b *block, why string) {
	a.hintNode(a.termOf(e, sc, b), why)
}

func (a *analysis) hintNode(n nodeID, why string) {
	if n == noNode || a.nodes[n].kind != termColumn {
		return
	}
	for _, o := range a.occs {
		if slices.Contains(o.levels, n) && !slices.Contains(o.hints, why) {
			o.hints = append(o.hints, why)
		}
	}
}

// hintInside explains f(tenant_id) = ….
func (a *analysis) hintInside(e *node, sc *scope, b *block) {
	if e == nil {
		return
	}
	eachColumn(e, func(c *columnRef) {
		if n := a.columnQuiet(c, sc); n != noNode {
			a.hintNode(n, "it stands inside an expression, and what the expression says about it is not known")
		}
	})
}
