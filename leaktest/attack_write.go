package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// fresh returns the values of a row that would be accepted from the tenant:
// the administrator inserts it and takes it back. The reason says why there is
// none.
func (a *attacker) fresh(ctx context.Context, owner *tenant) (values map[string]value, why string, err error) {
	p := plan{empty: map[string]bool{}, filled: map[string]bool{}}
	err = a.scope(ctx, func() error {
		if err := a.must(ctx, "set constraints all immediate"); err != nil {
			return err
		}
		if err := a.seeder.enterAsAdmin(ctx, owner); err != nil {
			return err
		}
		a.seeder.n++
		for attempt := range maxAttempts {
			made, reason, err := a.seeder.build(ctx, a.t, owner, attempt, p)
			if err != nil {
				return err
			}
			if reason != "" {
				why = reason
				if p.minimal {
					return nil
				}
				p.minimal = true
				continue
			}
			o, err := a.seeder.insert(ctx, a.t, made, p)
			if err != nil {
				return err
			}
			if o.err == nil && len(o.rows) == 1 {
				values, why = made, ""
				return nil
			}
			why = "a trigger or rule keeps the row out"
			if o.err != nil {
				why = o.err.Message
			}
			if !p.react(a.t, o.err, attempt) {
				return nil
			}
		}
		return nil
	})
	return values, why, err
}

// singular says whether a tenant can have one row only.
func (a *attacker) singular() bool {
	return a.t.column != nil && slices.ContainsFunc(a.t.rel.Indexes, func(i *catalog.Index) bool {
		return i.Unique && len(i.Columns) == 1 && i.Columns[0] == a.t.column.Num
	})
}

// insertable leaves out the columns that the application may not give, and that
// have a value of their own.
func (a *attacker) insertable(values map[string]value) map[string]value {
	out := map[string]value{}
	for name, v := range values {
		c := a.t.rel.ColumnNamed(name)
		if c == nil || c.Identity == "a" {
			continue
		}
		if !a.t.inserts && !a.t.insertCols[c.Num] && (c.Default != "" || c.Identity != "" || !c.NotNull) {
			continue
		}
		out[name] = v
	}
	return out
}

// inserts writes a row for another tenant.
func (a *attacker) inserts(ctx context.Context) error {
	if !a.t.canInsert() {
		a.cell("insert", Closed, "", "the application may not insert")
		return nil
	}
	if a.t.class == directory {
		return nil // another row is another tenant, which nobody has yet
	}
	me, others := a.me, a.w.tenants[1:]
	if a.singular() && a.w.spare != nil {
		me, others = a.w.spare, []*tenant{a.w.spare} // the others have their row already
	}
	mine, why, err := a.fresh(ctx, me)
	if err != nil {
		return err
	}
	if mine == nil {
		a.unproved("insert", "", "no further row could be made: "+why)
		return nil
	}
	control, err := a.writeAs(ctx, me, insertSQL(a.t, a.insertable(mine), "", ""))
	if err != nil {
		return err
	}
	if !a.judgeControl("insert", "a", control) {
		return nil
	}
	for _, other := range others {
		if other.index > 1 && other.like == "" && other != me {
			continue
		}
		theirs, why, err := a.fresh(ctx, other)
		if err != nil {
			return err
		}
		if theirs == nil {
			if other == a.victim {
				a.unproved("insert", "", "no row of the other tenant could be made: "+why)
			}
			continue
		}
		if a.t.class == derived {
			// The parent decides whose it is: everything else is the tenant's.
			theirs = a.withParent(mine, theirs)
		}
		if err := a.judgeWrite(ctx, ruleInsert, "insert", "a", insertSQL(a.t, a.insertable(theirs), "", ""), control, "a tenant inserts a row that belongs to another tenant"+likeText(other)); err != nil {
			return err
		}
		if a.t.column == nil || !a.worthResembling() {
			break
		}
	}
	return a.insertForNobody(ctx, mine, control)
}

func likeText(t *tenant) string {
	if t.like == "" {
		return ""
	}
	return ", whose identifier " + t.like
}

// worthResembling says whether a resembling tenant may matter: the policy does
// more than compare with the column.
func (a *attacker) worthResembling() bool { return a.t.rowSecurity }

func (a *attacker) withParent(mine, theirs map[string]value) map[string]value {
	out := map[string]value{}
	for n, v := range theirs {
		out[n] = v
	}
	return out
}

// writeAs is write in the name of another tenant, whose rows are foreign to the
// first: what it changes is its own affair.
func (a *attacker) writeAs(ctx context.Context, t *tenant, sql string) (result, error) {
	if t == a.me {
		return a.write(ctx, sql)
	}
	defer func(me *tenant) { a.me = me }(a.me)
	a.me = t
	r, err := a.write(ctx, sql)
	r.changed = nil
	return r, err
}

// insertForNobody publishes a row without a tenant.
func (a *attacker) insertForNobody(ctx context.Context, mine map[string]value, control result) error {
	if a.t.column == nil || a.t.column.NotNull || a.t.class == directory || control.err != nil {
		return nil
	}
	values := map[string]value{}
	for n, v := range mine {
		values[n] = v
	}
	values[a.t.column.Name] = null
	seen := false
	r := result{}
	err := a.scope(ctx, func() error {
		return a.as(ctx, a.me, func() error {
			var err error
			r.outcome, err = a.run(ctx, insertSQL(a.t, a.insertable(values), "", ""))
			if err != nil || r.err != nil {
				return err
			}
			if err := a.admin(ctx); err != nil {
				return err
			}
			// The other tenant looks, still in the transaction.
			if a.w.context.signer != nil || a.t.readable() == "" {
				seen = true
				return nil
			}
			if err := a.become(ctx); err != nil {
				return err
			}
			if o, err := a.enter(ctx, a.victim); err != nil || o.err != nil {
				return err
			}
			o, err := a.run(ctx, fmt.Sprintf("select 1 from %s t where t.%s is null", a.t.name(), quoteName(a.t.column.Name)))
			seen = o.err == nil && len(o.rows) > 0
			return err
		})
	})
	if err != nil {
		return err
	}
	switch {
	case r.err == nil && seen:
		a.leaked(ruleNullTenant, "insert", "column "+a.t.column.Name, "own rows: inserted", "a tenant inserts a row without a tenant, which other tenants see")
	case r.err == nil:
		a.find(ruleNullTenant, Warning, "column "+a.t.column.Name, "a tenant inserts a row without a tenant, which nobody sees")
	}
	return nil
}

// judgeControl looks at what the write did to own rows. It returns false when
// the attack on foreign rows would mean nothing.
func (a *attacker) judgeControl(attack, command string, r result) bool {
	switch {
	case r.refused():
		return true // refused to itself: the attack must be refused as well
	case r.err != nil && a.own1 != nil:
		a.unproved(attack, "own rows: "+r.String(), "the same on the tenant's own rows fails, so a failure on foreign ones means nothing: "+r.String())
		return false
	case r.err != nil:
		return true
	case len(r.changed) > 0:
		a.leaked(ruleSideEffect, attack, a.causes(), "own rows", "a tenant's own "+attack+" changes rows of other tenants in "+r.changedNames())
	}
	return true
}

// causes names the triggers and rules that may be behind a side effect.
func (a *attacker) causes() string {
	var names []string
	for _, t := range a.t.rel.Triggers {
		if !t.Internal && t.Enabled != "D" {
			names = append(names, "trigger "+t.Name)
		}
	}
	for _, r := range a.t.rel.Rules {
		if r.Name != "_RETURN" {
			names = append(names, "rule "+r.Name)
		}
	}
	if len(names) == 0 {
		return "key actions"
	}
	return strings.Join(names, ", ")
}

// judgeWrite makes an attack that writes and turns the answer into a verdict.
func (a *attacker) judgeWrite(ctx context.Context, rule, attack, command, sql string, control result, message string) error {
	r, err := a.write(ctx, sql)
	if err != nil {
		return err
	}
	shown := "own rows: " + control.String()
	switch {
	case len(r.changed) > 0:
		a.leaked(rule, attack, a.policies(command), shown, message)
	case r.err == nil:
		a.cell(attack, Held, shown, "no row of another tenant is changed")
	case r.refused() && control.refused():
		a.cell(attack, Closed, shown, r.String())
	case r.refused():
		a.cell(attack, Held, shown, r.String())
	default:
		return a.judgeOther(ctx, rule, attack, command, sql, r, control, message)
	}
	return nil
}

// judgeOther is for an attack that failed with an error that is no refusal: a
// key or a trigger was faster. With both off, privileges and policies answer.
func (a *attacker) judgeOther(ctx context.Context, rule, attack, command, sql string, first, control result, message string) error {
	shown := "own rows: " + control.String()
	if !a.w.super {
		a.unproved(attack, shown, first.String())
		return nil
	}
	r, err := a.writeWith(ctx, sql, true)
	if err != nil {
		return err
	}
	switch {
	case r.refused() || r.err == nil && len(r.changed) == 0:
		a.cell(attack, Held, shown, r.String()+"; with triggers: "+first.String())
	case r.err == nil && control.err == nil && raised(first):
		// The same on own rows goes through, so the trigger judges by tenant.
		a.cell(attack, Held, shown, "only a trigger refuses: "+first.String())
		a.find(rule, Warning, a.causes(), "only a trigger keeps "+message+": the policy does not")
	case r.err == nil && rule == ruleMove && first.code() == "23503":
		// A row that nothing refers to, or whose parent has a twin, goes through.
		a.leaked(rule, attack, a.policies(command), shown, message+", unless a foreign key happens to stop it")
	default:
		a.unproved(attack, shown, first.String())
	}
	return nil
}

// raised says whether a trigger or function refused in its own words.
func raised(r result) bool { return r.err != nil && strings.HasPrefix(r.err.Code, "P0") }

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

// deletes removes whatever it can reach.
func (a *attacker) deletes(ctx context.Context) error {
	if !a.t.usage || !a.t.deletes {
		a.cell("delete", Closed, "", "the application may not delete")
		return nil
	}
	sql := "delete from " + a.t.name()
	r, err := a.write(ctx, sql)
	if err != nil {
		return err
	}
	if r.err != nil && !r.refused() && a.w.super {
		// Other rows refer to these. What policies say is seen with keys off.
		if r, err = a.writeWith(ctx, sql, true); err != nil {
			return err
		}
	}
	if r.err != nil && !r.refused() {
		a.unproved("delete", "", r.String())
		return nil
	}
	a.judgeBlind(ruleDelete, "delete", "d", r)
	return a.deleteOne(ctx)
}

// deleteOne deletes own rows one by one with triggers on, so that what triggers
// and key actions do to others is seen also where a row cannot be deleted.
func (a *attacker) deleteOne(ctx context.Context) error {
	if !a.t.selects {
		return nil
	}
	for _, own := range a.t.rows {
		if own.tenant != a.me {
			continue
		}
		r, err := a.write(ctx, fmt.Sprintf("delete from %s t where t.tableoid::text || t.ctid::text = %s", a.t.name(), quoteText(own.place)))
		if err != nil {
			return err
		}
		if len(r.changed) > 0 {
			a.leaked(ruleSideEffect, "delete", a.causes(), "own row: deleted", "deleting a tenant's own row changes rows of other tenants in "+r.changedNames())
			return nil
		}
	}
	return nil
}
