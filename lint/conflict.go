package lint

import (
	"fmt"
	"slices"
	"strings"
)

// conflict checks the target of ON CONFLICT: an arbiter without the tenant
// column finds rows of other tenants, to change them or to tell that they are
// there. It returns the columns that a row met by DO UPDATE has in common with
// the new one; nil when every returned row is a new one.
func (a *analysis) conflict(v *onConflictClause, t *Table, rv *rangeVar, cols []string, present bool) []string {
	if !present {
		return nil
	}
	tt := a.tenancy.of(t)
	held := []string{}
	infer := v.GetInfer()
	var bad []Key
	switch {
	case infer.GetConname() != "":
		i := slices.IndexFunc(t.Keys, func(k Key) bool { return k.Name == infer.GetConname() })
		if i < 0 {
			if tt != nil {
				a.report(ruleConflict, infer.GetLocation(), fmt.Sprintf("constraint %s of %s is not known, so which rows conflict is not, either (name the columns instead)", quoteName(infer.GetConname()), t)).table = t.String()
			}
			return held
		}
		held = t.Keys[i].Columns
		if tt != nil && !tt.within(t.Keys[i].Columns) {
			bad = append(bad, t.Keys[i])
		}
	case len(infer.GetIndexElems()) > 0:
		for _, e := range infer.GetIndexElems() {
			held = append(held, e.GetIndexElem().GetName())
		}
		if tt != nil && !tt.within(held) {
			bad = append(bad, Key{Columns: held})
		}
	case tt != nil:
		for _, k := range t.Keys {
			if !tt.within(k.Columns) && !t.cannotConflict(k, cols) {
				bad = append(bad, k)
			}
		}
	}
	if len(bad) > 0 {
		a.badConflict(v, t, tt, rv, bad[0])
	}
	if v.GetAction() == conflictNothing {
		return nil
	}
	return held
}

func (a *analysis) badConflict(v *onConflictClause, t *Table, tt *tenantTable, rv *rangeVar, k Key) {
	at := v.GetInfer().GetLocation()
	if v.GetInfer() == nil || at == 0 {
		at = v.GetLocation()
	}
	if at == 0 {
		at = rv.GetLocation()
	}
	column := tt.first()
	list := "an expression"
	if plain := slices.DeleteFunc(slices.Clone(k.Columns), func(c string) bool { return c == "" }); len(plain) > 0 {
		list = strings.Join(plain, ", ")
	}
	var p *problem
	if v.GetInfer() == nil {
		p = a.report(ruleConflict, at, fmt.Sprintf("ON CONFLICT without a target also meets the key (%s) of %s, where rows of other tenants conflict (name a unique key that begins with %s)", list, t, quoteName(column)))
	} else {
		p = a.report(ruleConflict, at, fmt.Sprintf("the conflict target (%s) of %s does not contain %s, so a row of another tenant can be met, changed or told apart (use a unique key that begins with %s)", list, t, quoteName(column), quoteName(column)))
	}
	p.table = t.String()
	p.fix = "ON CONFLICT (" + quoteName(column) + ", " + list + ")"
}

// within reports whether a key keeps tenants apart: it has every tenant column.
func (tt *tenantTable) within(cols []string) bool {
	for _, c := range tt.columns {
		if c != "" && !slices.Contains(cols, c) {
			return false
		}
	}
	return true
}

func (tt *tenantTable) first() string {
	for _, c := range tt.columns {
		if c != "" {
			return c
		}
	}
	return ""
}

// cannotConflict reports whether an INSERT of the columns never meets a row by
// the key: a column of it gets a fresh value or NULL.
func (t *Table) cannotConflict(k Key, cols []string) bool {
	return slices.ContainsFunc(k.Columns, func(name string) bool {
		c := t.Column(name)
		return c != nil && !slices.Contains(cols, name) && (c.fills == fillFresh || c.fills == fillNull && !c.NotNull)
	})
}

// conflictAction visits DO UPDATE SET … WHERE …, which sees the row that was
// met and, as excluded, the row that was to be inserted.
func (a *analysis) conflictAction(v *onConflictClause, t *Table, r *relation, cols []string, src *block, sc *scope, b *block) {
	if v == nil {
		return
	}
	for _, e := range v.GetInfer().GetIndexElems() {
		a.walk(e.GetIndexElem().GetExpr(), sc, b)
	}
	a.walk(v.GetInfer().GetWhereClause(), sc, b)
	if v.GetAction() != conflictUpdate {
		return
	}
	ex := a.tableRelation(t, "excluded")
	a.written(ex, cols, src, nil)
	if src.rows {
		a.imply(ex.leaf, src.f)
	}
	in := &scope{parent: sc.parent, ctes: sc.ctes}
	// An unqualified name means the row that was met.
	in.ns = &namespace{rels: []*relation{r, ex}, cols: sc.ns.cols, open: sc.ns.open}
	a.walkAll(v.GetTargetList(), in, b)
	a.walk(v.GetWhereClause(), in, b)
	a.reassign(v.GetTargetList(), r)
}
