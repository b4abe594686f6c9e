package lint

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// walk visits an expression: it builds the subqueries in it, looks at the
// functions, and resolves every column so that a mistake is not read as
// something harmless.
func (a *analysis) walk(e *node, sc *scope, b *block) {
	switch v := unwrap(e).(type) {
	case nil, *aConst, *aStar, *setToDefault, *stringNode:
	case *paramRef:
		a.paramOf(v)
	case *columnRef:
		a.column(v, sc)
	case *aExpr:
		a.walk(v.GetLexpr(), sc, b)
		a.walk(v.GetRexpr(), sc, b)
	case *boolExpr:
		a.walkAll(v.GetArgs(), sc, b)
	case *subLink:
		a.walkSubLink(v, sc, b)
	case *funcCall:
		a.walkFunc(v, sc, b)
	case *typeCast:
		a.walk(v.GetArg(), sc, b)
	case *nullTest:
		a.walk(v.GetArg(), sc, b)
	case *booleanTest:
		a.walk(v.GetArg(), sc, b)
	case *coalesceExpr:
		a.walkAll(v.GetArgs(), sc, b)
	case *caseExpr:
		a.walk(v.GetArg(), sc, b)
		a.walkAll(v.GetArgs(), sc, b)
		a.walk(v.GetDefresult(), sc, b)
	case *caseWhen:
		a.walk(v.GetExpr(), sc, b)
		a.walk(v.GetResult(), sc, b)
	case *rowExpr:
		a.walkAll(v.GetArgs(), sc, b)
	case *listNode:
		a.walkAll(v.GetItems(), sc, b)
	case *aArrayExpr:
		a.walkAll(v.GetElements(), sc, b)
	case *resTarget:
		a.walkAll(v.GetIndirection(), sc, b)
		a.walk(v.GetVal(), sc, b)
	case *collateClause:
		a.walk(v.GetArg(), sc, b)
	case *multiAssignRef:
		a.walk(v.GetSource(), sc, b)
	case *aIndirection:
		if n, _ := a.fieldTerm(v, sc); n == noNode {
			a.walk(v.GetArg(), sc, b)
		}
		a.walkAll(v.GetIndirection(), sc, b)
	case *currentOfExpr:
		a.report(ruleNotUnderstood, 0, fmt.Sprintf("WHERE CURRENT OF %s names a row by a cursor, whose tenant is not known (name the row by its key and tenant)", v.GetCursorName()))
	default:
		a.walkMessage(e, sc, b)
	}
}

func (a *analysis) walkAll(list []*node, sc *scope, b *block) {
	for _, n := range list {
		a.walk(n, sc, b)
	}
}

// walkMessage visits the nodes inside a message of a kind that has no case of
// its own, such as XMLELEMENT or JSON_OBJECT: they compute from their arguments.
func (a *analysis) walkMessage(m proto.Message, sc *scope, b *block) {
	if m == nil {
		return
	}
	eachMessage(m.ProtoReflect(), func(c protoreflect.Message) {
		switch v := c.Interface().(type) {
		case *node:
			a.walk(v, sc, b)
		case *funcCall:
			a.walkFunc(v, sc, b)
		case *selectStmt:
			// JSON_ARRAY(SELECT …) holds its query without a SubLink.
			a.selectBlockIn(v, &scope{parent: sc, ctes: sc.ctes}, b, b.ctx, nil)
		default:
			if name := string(c.Descriptor().Name()); name == "JsonObjectAgg" || name == "JsonArrayAgg" {
				b.hasAgg = true
				b.aggs = append(b.aggs, aggregate{})
			}
			a.walkMessage(v, sc, b)
		}
	})
}

// eachMessage calls f for the messages directly inside m.
func eachMessage(m protoreflect.Message, f func(protoreflect.Message)) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Kind() != protoreflect.MessageKind {
			return true
		}
		if fd.IsList() {
			for i := range v.List().Len() {
				f(v.List().Get(i).Message())
			}
			return true
		}
		f(v.Message())
		return true
	})
}

func (a *analysis) walkSubLink(v *subLink, sc *scope, b *block) {
	a.walk(v.GetTestexpr(), sc, b)
	q, ok := unwrap(v.GetSubselect()).(*selectStmt)
	if !ok {
		a.report(ruleNotUnderstood, v.GetLocation(), "a subquery that is not a SELECT is not understood")
		return
	}
	if b.subs[v] != nil {
		return
	}
	sub := a.selectBlockIn(q, &scope{parent: sc, ctes: sc.ctes}, b, b.ctx, nil)
	b.subs[v] = sub
	leaf := a.token()
	if sub.rows {
		a.imply(leaf, sub.f)
	}
	// An IN compares row by row, so a condition on the column selects rows
	// inside. A scalar subquery may fail on a second row: no way out.
	wayOut := v.GetSubLinkType() == subAny
	for i := range sub.outs {
		o := &sub.outs[i]
		o.outer = a.node(term{kind: termColumn, name: o.name, typ: o.typ, leaf: leaf})
		a.expose(o, o.outer, wayOut)
	}
}

// walkFunc visits a call. sqlc's own calls are not functions.
func (a *analysis) walkFunc(f *funcCall, sc *scope, b *block) {
	if a.sqlcParam(f) != nil {
		return
	}
	parts := names(f.GetFuncname())
	if len(parts) == 2 && parts[0] == "sqlc" && parts[1] == "embed" {
		return
	}
	a.checkFunction(f, parts)
	a.walkAll(f.GetArgs(), sc, b)
	a.walkKeys(f.GetAggOrder(), nil, false, sc, b)
	a.walk(f.GetAggFilter(), sc, b)
	switch {
	case f.GetOver() != nil:
		a.walkWindow(f.GetOver(), sc, b)
		b.wins = append(b.wins, f.GetOver())
	case isAggregate(f, parts[len(parts)-1]):
		a.addAggregate(f, sc, b)
	}
}

// addAggregate notes an aggregate at its level, which is that of its columns:
// an aggregate over outer columns only belongs to the outer query.
func (a *analysis) addAggregate(f *funcCall, sc *scope, b *block) {
	g := aggregate{has: f.GetAggFilter() != nil, filter: a.condition(f.GetAggFilter(), sc, b)}
	b.aggs = append(b.aggs, g)
	b.hasAgg = true
	if b.parent != nil && !a.namesOwnColumn(f, sc) {
		for p := b.parent; p != nil; p = p.parent {
			p.hasAgg = true
			p.aggs = append(p.aggs, aggregate{})
		}
	}
}

func (a *analysis) namesOwnColumn(f *funcCall, sc *scope) bool {
	if f.GetAggStar() || sc.ns == nil {
		return true
	}
	own, others := false, false
	eachColumn(f, func(c *columnRef) {
		level := &scope{ns: sc.ns}
		parts := names(c.GetFields())
		if len(parts) == 1 {
			_, st := level.lookupColumn(a, parts[0])
			own = own || st != lookupMissing
		} else if len(parts) > 1 {
			own = own || level.lookupRelation("", parts[len(parts)-2]) != nil
		}
		others = true
	})
	return own || !others
}

func eachColumn(m proto.Message, f func(*columnRef)) {
	eachMessage(m.ProtoReflect(), func(c protoreflect.Message) {
		if v, ok := c.Interface().(*columnRef); ok {
			f(v)
			return
		}
		eachColumn(c.Interface(), f)
	})
}

func (a *analysis) walkWindow(w *windowDef, sc *scope, b *block) {
	a.walkAll(w.GetPartitionClause(), sc, b)
	a.walkKeys(w.GetOrderClause(), nil, false, sc, b)
	a.walk(w.GetStartOffset(), sc, b)
	a.walk(w.GetEndOffset(), sc, b)
}

func (a *analysis) walkWindows(list []*node, sc *scope, b *block) {
	for _, w := range windowDefs(list) {
		a.walkWindow(w, sc, b)
	}
}

// walkKeys visits GROUP BY, ORDER BY and DISTINCT ON lists, where a name can
// mean an output column: before input columns when outputsFirst, else after.
func (a *analysis) walkKeys(list []*node, outs []output, outputsFirst bool, sc *scope, b *block) {
	for _, n := range list {
		e := n
		if s := n.GetSortBy(); s != nil {
			e = s.GetNode()
		}
		if g, ok := unwrap(e).(*groupingSet); ok {
			a.walkKeys(g.GetContent(), outs, outputsFirst, sc, b)
			continue
		}
		if c, ok := unwrap(e).(*columnRef); ok && len(c.GetFields()) == 1 && namesOutput(outs, c) {
			if outputsFirst {
				continue
			}
			if _, status := sc.lookupColumn(a, c.GetFields()[0].GetString_().GetSval()); status == lookupMissing {
				continue
			}
		}
		a.walk(e, sc, b)
	}
}

func namesOutput(outs []output, c *columnRef) bool {
	name := c.GetFields()[0].GetString_().GetSval()
	for _, o := range outs {
		if o.name == name {
			return true
		}
	}
	return false
}

// walkLoose visits the ORDER BY of a set operation, whose names are outputs.
func (a *analysis) walkLoose(list []*node, b *block, sc *scope) {
	n := len(a.problems)
	a.walkKeys(list, b.outs, true, &scope{parent: sc, ctes: sc.ctes}, b)
	kept := a.problems[:n]
	for _, p := range a.problems[n:] {
		if p.rule != ruleUnknown {
			kept = append(kept, p)
		}
	}
	a.problems = kept
}

// markSeen notes the tables inside a part that is not executed or was dealt
// with in another way.
func (a *analysis) markSeen(m proto.Message) {
	eachTable(m, func(v *rangeVar) { a.seen[v] = true })
}

// eachTable calls f for every table mention inside m.
func eachTable(m proto.Message, f func(*rangeVar)) {
	if m == nil {
		return
	}
	if v, ok := m.(*rangeVar); ok {
		f(v)
		return
	}
	eachMessage(m.ProtoReflect(), func(c protoreflect.Message) { eachTable(c.Interface(), f) })
}

// mentions reports whether a query names a table or expression of the name.
func mentions(q *selectStmt, name string) bool {
	found := false
	eachTable(q, func(v *rangeVar) { found = found || v.GetSchemaname() == "" && v.GetRelname() == name })
	return found
}

// kindName is the name of a node's kind for messages.
func kindName(n *node) string {
	kind := "nothing"
	if n != nil {
		eachMessage(n.ProtoReflect(), func(c protoreflect.Message) { kind = string(c.Descriptor().Name()) })
	}
	return strings.TrimSuffix(kind, "Stmt")
}

// eachCall calls f for every function call inside m.
func eachCall(m proto.Message, f func(*funcCall)) {
	if v, ok := m.(*funcCall); ok {
		f(v)
	}
	eachMessage(m.ProtoReflect(), func(c protoreflect.Message) { eachCall(c.Interface(), f) })
}
