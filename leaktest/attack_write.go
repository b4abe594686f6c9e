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
