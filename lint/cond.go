package lint

import "slices"

// condition returns what holds in every row in which e is true.
func (a *analysis) condition(e *node, sc *scope, b *block) []*fact {
	if e == nil {
		return nil
	}
	return a.positive(e, sc, b)
}

func (a *analysis) positive(e *node, sc *scope, b *block) []*fact {
	switch v := unwrap(e).(type) {
	case *boolExpr:
		switch v.GetBoolop() {
		case boolAnd:
			return a.allFacts(v.GetArgs(), sc, b, a.positive)
		case boolOr:
			return a.orFacts(a.eachFacts(v.GetArgs(), sc, b, a.positive))
		case boolNot:
			return a.negative(v.GetArgs()[0], sc, b)
		}
	case *aExpr:
		return a.comparison(v, sc, b, false)
	case *subLink:
		return a.subLinkFacts(v, sc, b)
	case *nullTest:
		if v.GetNulltesttype() == isNotNull {
			return a.strict(v.GetArg(), sc, b)
		}
	case *booleanTest:
		switch v.GetBooltesttype() {
		case isTrue:
			return a.positive(v.GetArg(), sc, b)
		case isFalse:
			return a.negative(v.GetArg(), sc, b)
		}
	case *caseExpr:
		return a.caseFacts(v, sc, b)
	case *coalesceExpr:
		return a.orFacts(a.eachFacts(v.GetArgs(), sc, b, a.positive))
	case *typeCast:
		if boolType(typeText(v.GetTypeName())) {
			return a.positive(v.GetArg(), sc, b)
		}
	case *aConst:
		if v.GetIsnull() || v.GetBoolval() != nil && !v.GetBoolval().GetBoolval() || v.GetSval() != nil && (v.GetSval().GetSval() == "f" || v.GetSval().GetSval() == "false") {
			return []*fact{{kind: factNever}}
		}
	}
	return nil
}

func boolType(t string) bool { return t == "bool" || t == "boolean" }

// negative returns what holds in every row in which e is false.
func (a *analysis) negative(e *node, sc *scope, b *block) []*fact {
	switch v := unwrap(e).(type) {
	case *boolExpr:
		switch v.GetBoolop() {
		case boolAnd:
			return a.orFacts(a.eachFacts(v.GetArgs(), sc, b, a.negative))
		case boolOr:
			return a.allFacts(v.GetArgs(), sc, b, a.negative)
		case boolNot:
			return a.positive(v.GetArgs()[0], sc, b)
		}
	case *aExpr:
		return a.comparison(v, sc, b, true)
	case *booleanTest:
		switch v.GetBooltesttype() {
		case isNotTrue:
			return a.positive(v.GetArg(), sc, b)
		case isNotFalse:
			return a.negative(v.GetArg(), sc, b)
		}
	case *nullTest:
		if v.GetNulltesttype() == isNull {
			return a.strict(v.GetArg(), sc, b)
		}
	case *aConst:
		if v.GetIsnull() || v.GetBoolval().GetBoolval() {
			return []*fact{{kind: factNever}}
		}
	}
	return nil
}

type factsOf func(*node, *scope, *block) []*fact

func (a *analysis) allFacts(args []*node, sc *scope, b *block, of factsOf) []*fact {
	var out []*fact
	for _, arg := range args {
		out = append(out, of(arg, sc, b)...)
	}
	return a.linkRanges(out)
}

func (a *analysis) eachFacts(args []*node, sc *scope, b *block, of factsOf) [][]*fact {
	var out [][]*fact
	for _, arg := range args {
		out = append(out, of(arg, sc, b))
	}
	return out
}

// caseFacts: a CASE is true when the condition of a branch is and its result
// is, too.
func (a *analysis) caseFacts(v *caseExpr, sc *scope, b *block) []*fact {
	if v.GetArg() != nil {
		return nil
	}
	var arms [][]*fact
	for _, n := range v.GetArgs() {
		w := n.GetCaseWhen()
		arms = append(arms, append(a.positive(w.GetExpr(), sc, b), a.positive(w.GetResult(), sc, b)...))
	}
	if v.GetDefresult() != nil {
		arms = append(arms, a.positive(v.GetDefresult(), sc, b))
	}
	return a.orFacts(arms)
}

// strict returns the fact that a column, and so its occurrence, is present.
func (a *analysis) strict(e *node, sc *scope, b *block) []*fact {
	n := a.termOf(e, sc, b)
	if n == noNode || a.nodes[n].leaf == noToken {
		return nil
	}
	return []*fact{{kind: factStrict, leaf: a.nodes[n].leaf}}
}

// operator returns the name of a built-in operator, "" for any other.
func operator(v *aExpr) string {
	parts := names(v.GetName())
	if len(parts) == 2 && parts[0] == "pg_catalog" {
		parts = parts[1:]
	}
	if len(parts) != 1 {
		return ""
	}
	return parts[0]
}

// comparison returns the facts of an operator expression; negated asks for
// what holds when it is false.
func (a *analysis) comparison(v *aExpr, sc *scope, b *block, negated bool) []*fact {
	op := operator(v)
	if a.schema.operators[op] {
		a.hint(v.GetLexpr(), sc, b, "the schema defines an operator "+op+" of its own")
		return nil
	}
	switch v.GetKind() {
	case exprOp:
		return a.plainComparison(v, op, sc, b, negated)
	case exprIn:
		if (op == "=") == negated {
			return nil
		}
		return a.orFacts(a.pairEach(v.GetLexpr(), v.GetRexpr().GetList().GetItems(), sc, b))
	case exprOpAny, exprOpAll:
		return a.arrayFacts(v, op, sc, b, negated)
	case exprNotDistinct, exprDistinct:
		if (v.GetKind() == exprNotDistinct) != negated {
			return a.notDistinct(v, sc, b)
		}
	case exprBetween, exprBetweenSym, exprNotBetween, exprNotBetweenSym:
		positive := v.GetKind() == exprBetween || v.GetKind() == exprBetweenSym
		items := v.GetRexpr().GetList().GetItems()
		if positive == negated || len(items) != 2 {
			return nil
		}
		lo, hi := a.termOf(items[0], sc, b), a.termOf(items[1], sc, b)
		if lo != noNode && lo == hi {
			return a.pair(v.GetLexpr(), items[0], sc, b)
		}
		a.hint(v.GetLexpr(), sc, b, "it is compared with a range")
		return a.strict(v.GetLexpr(), sc, b)
	case exprLike, exprILike:
		a.hint(v.GetLexpr(), sc, b, "it is compared with a pattern")
		return a.strict(v.GetLexpr(), sc, b)
	}
	return nil
}

func (a *analysis) plainComparison(v *aExpr, op string, sc *scope, b *block, negated bool) []*fact {
	if negated {
		inverse := map[string]string{"=": "<>", "<>": "=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
		op = inverse[op]
	}
	switch op {
	case "=":
		if other, ok := comparedWithTrue(v); ok {
			return a.positive(other, sc, b)
		}
		return a.pair(v.GetLexpr(), v.GetRexpr(), sc, b)
	case "<=", ">=":
		x, y := a.termOf(v.GetLexpr(), sc, b), a.termOf(v.GetRexpr(), sc, b)
		out := append(a.strict(v.GetLexpr(), sc, b), a.strict(v.GetRexpr(), sc, b)...)
		if x == noNode || y == noNode {
			return out
		}
		lo := &fact{kind: factAtLeast, a: x, b: y}
		if (op == "<=") != (x > y) {
			lo.kind = factAtMost
		}
		if x > y { // one order, so that a pair is found whichever way it is written
			lo.a, lo.b = y, x
		}
		return append(out, lo)
	case "<", ">", "<>", "!=":
		a.hint(v.GetLexpr(), sc, b, "it is compared with "+op)
		a.hint(v.GetRexpr(), sc, b, "it is compared with "+op)
		return append(a.strict(v.GetLexpr(), sc, b), a.strict(v.GetRexpr(), sc, b)...)
	}
	return nil
}

// comparedWithTrue returns the other side of "(…) = true".
func comparedWithTrue(v *aExpr) (*node, bool) {
	for _, p := range [][2]*node{{v.GetLexpr(), v.GetRexpr()}, {v.GetRexpr(), v.GetLexpr()}} {
		if c, ok := unwrap(p[0]).(*aConst); ok && c.GetBoolval().GetBoolval() {
			return p[1], true
		}
	}
	return nil, false
}

// pair returns the facts of x = y, element by element when both are rows.
func (a *analysis) pair(x, y *node, sc *scope, b *block) []*fact {
	rx, okx := unwrap(x).(*rowExpr)
	ry, oky := unwrap(y).(*rowExpr)
	if okx && oky && len(rx.GetArgs()) == len(ry.GetArgs()) {
		var out []*fact
		for i := range rx.GetArgs() {
			out = append(out, a.pair(rx.GetArgs()[i], ry.GetArgs()[i], sc, b)...)
		}
		return out
	}
	nx, ny := a.termOf(x, sc, b), a.termOf(y, sc, b)
	if nx != noNode && ny != noNode {
		return a.equal(nx, ny)
	}
	if nx != noNode || ny != noNode {
		a.hint(x, sc, b, "it is compared with an expression that is not a parameter")
		a.hint(y, sc, b, "it is compared with an expression that is not a parameter")
	} else {
		a.hintInside(x, sc, b)
		a.hintInside(y, sc, b)
	}
	return append(a.strict(x, sc, b), a.strict(y, sc, b)...)
}

// equal returns the fact x = y and links the two.
func (a *analysis) equal(x, y nodeID) []*fact {
	if x == y {
		if l := a.nodes[x].leaf; l != noToken {
			return []*fact{{kind: factStrict, leaf: l}}
		}
		return nil
	}
	f := &fact{kind: factEqual, a: x, b: y}
	a.link(x, y, f)
	a.link(y, x, f)
	return []*fact{f}
}

// linkRanges turns x >= y AND x <= y into x = y.
func (a *analysis) linkRanges(facts []*fact) []*fact {
	for _, lo := range facts {
		if lo.kind != factAtLeast {
			continue
		}
		for _, hi := range facts {
			if hi.kind == factAtMost && hi.a == lo.a && hi.b == lo.b {
				return append(facts, a.equal(lo.a, lo.b)...)
			}
		}
	}
	return facts
}

// pairEach returns the facts of x = each of the items.
func (a *analysis) pairEach(x *node, items []*node, sc *scope, b *block) [][]*fact {
	var out [][]*fact
	for _, it := range items {
		out = append(out, a.pair(x, it, sc, b))
	}
	return out
}

// arrayFacts handles x = ANY (ARRAY[…]) and x = ALL (ARRAY[…]).
func (a *analysis) arrayFacts(v *aExpr, op string, sc *scope, b *block, negated bool) []*fact {
	anyOf := v.GetKind() == exprOpAny
	if negated { // not (x <> all (…)) is x = any (…)
		anyOf = !anyOf
		op = map[string]string{"<>": "=", "!=": "="}[op]
	}
	if op != "=" {
		return nil
	}
	arr := v.GetRexpr()
	if c, ok := unwrap(arr).(*typeCast); ok {
		arr = c.GetArg()
	}
	list, ok := unwrap(arr).(*aArrayExpr)
	if !ok || len(list.GetElements()) == 0 {
		a.hint(v.GetLexpr(), sc, b, "it is compared with an array, which can name several tenants")
		return a.strict(v.GetLexpr(), sc, b)
	}
	arms := a.pairEach(v.GetLexpr(), list.GetElements(), sc, b)
	if anyOf {
		return a.orFacts(arms)
	}
	return slices.Concat(arms...)
}

// notDistinct handles IS NOT DISTINCT FROM, which also holds between NULLs: it
// is an equality for columns that cannot be NULL.
func (a *analysis) notDistinct(v *aExpr, sc *scope, b *block) []*fact {
	x, y := a.termOf(v.GetLexpr(), sc, b), a.termOf(v.GetRexpr(), sc, b)
	if x == noNode || y == noNode {
		return nil
	}
	sure := func(n nodeID) bool { return a.nodes[n].notNull || a.nodes[n].kind == termParam }
	if x != y && sure(x) && sure(y) {
		// Where one is present it equals the other. Where an outer join left it
		// out the condition may hold, too: it is not strict.
		f := a.equal(x, y)
		f[0].kind = factSame
		return f
	}
	a.hint(v.GetLexpr(), sc, b, "IS NOT DISTINCT FROM also holds between NULLs")
	return nil
}

// orFacts returns what all arms of a disjunction have in common. Arms that are
// never true do not count.
func (a *analysis) orFacts(arms [][]*fact) []*fact {
	arms = slices.DeleteFunc(arms, func(f []*fact) bool {
		return slices.ContainsFunc(f, func(g *fact) bool { return g.kind == factNever })
	})
	switch len(arms) {
	case 0:
		return []*fact{{kind: factNever}}
	case 1:
		return arms[0]
	}
	var out []*fact
	common := classes(arms[0])
	leaves := a.leavesOf(arms[0])
	for _, arm := range arms[1:] {
		common = refine(common, classes(arm))
		more := a.leavesOf(arm)
		leaves = slices.DeleteFunc(leaves, func(t token) bool { return !slices.Contains(more, t) })
	}
	for _, class := range common {
		for _, n := range class[1:] {
			out = append(out, a.equal(class[0], n)...)
		}
	}
	for _, l := range leaves {
		out = append(out, &fact{kind: factStrict, leaf: l})
	}
	return out
}

func (a *analysis) leavesOf(facts []*fact) []token {
	var out []token
	for _, f := range facts {
		switch f.kind {
		case factStrict:
			out = append(out, f.leaf)
		case factEqual:
			out = append(out, a.nodes[f.a].leaf, a.nodes[f.b].leaf)
		}
	}
	return slices.DeleteFunc(out, func(t token) bool { return t == noToken })
}

// classes returns the sets of terms that the facts make equal.
func classes(facts []*fact) [][]nodeID {
	var out [][]nodeID
	find := func(n nodeID) int {
		return slices.IndexFunc(out, func(c []nodeID) bool { return slices.Contains(c, n) })
	}
	for _, f := range facts {
		if f.kind != factEqual {
			continue
		}
		i, j := find(f.a), find(f.b)
		switch {
		case i < 0 && j < 0:
			out = append(out, []nodeID{f.a, f.b})
		case i < 0:
			out[j] = append(out[j], f.a)
		case j < 0:
			out[i] = append(out[i], f.b)
		case i != j:
			out[i] = append(out[i], out[j]...)
			out = slices.Delete(out, j, j+1)
		}
	}
	return out
}

// refine returns the sets of terms that are equal under both partitions.
func refine(x, y [][]nodeID) [][]nodeID {
	var out [][]nodeID
	for _, c := range x {
		for _, d := range y {
			var both []nodeID
			for _, n := range c {
				if slices.Contains(d, n) {
					both = append(both, n)
				}
			}
			if len(both) > 1 {
				out = append(out, both)
			}
		}
	}
	return out
}

// subLinkFacts returns what EXISTS (…), x IN (…) and x = ANY (…) say.
func (a *analysis) subLinkFacts(v *subLink, sc *scope, b *block) []*fact {
	sub := b.subs[v]
	if sub == nil {
		return nil
	}
	var out []*fact
	switch v.GetSubLinkType() {
	case subExists:
	case subAny:
		if op := lastName(v.GetOperName()); op != "" && (op != "=" || a.schema.operators["="]) {
			return nil
		}
		lefts := []*node{v.GetTestexpr()}
		if r, ok := unwrap(v.GetTestexpr()).(*rowExpr); ok {
			lefts = r.GetArgs()
		}
		if len(lefts) != len(sub.outs) {
			return nil
		}
		for i, l := range lefts {
			if n := a.termOf(l, sc, b); n != noNode {
				out = append(out, a.equal(n, sub.outs[i].outer)...)
			}
		}
	default:
		return nil
	}
	if sub.rows && sub.f != noToken {
		out = append(out, &fact{kind: factActivate, block: sub})
	}
	return out
}
