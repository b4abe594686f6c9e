package lint

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	pg "github.com/sqlc-dev/oliphant"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mutation is one way to break the scope of a statement at one place.
type mutation struct {
	name  string
	apply func()
}

// TestMutationsAreCaught breaks every pinned query of the corpus in every place
// and way there is, by program. A mutant that still passes must be one that
// changes nothing, which the two worlds decide.
func TestMutationsAreCaught(t *testing.T) {
	t.Parallel()
	s := corpusSchema(t)
	var queries []corpusQuery
	for _, q := range corpus(t) {
		if q.pinned && q.tenant != "none" {
			queries = append(queries, q)
		}
	}
	var caught, equivalent, invalid atomic.Int64
	kinds := map[string]*atomic.Int64{}
	for _, k := range []string{"drop", "and to or", "= to <>", "using", "second parameter", "move into on", "conflict target", "set tenant"} {
		kinds[k] = new(atomic.Int64)
	}
	t.Run("workers", func(t *testing.T) {
		const workers = 3
		for w := range workers {
			t.Run(strconv.Itoa(w), func(t *testing.T) {
				t.Parallel()
				worlds := newWorlds(t)
				for i := w; i < len(queries); i += workers {
					sql, number := executable(queries[i].sql, queries[i].tenant)
					for k := 0; ; k++ {
						mutant, kind := mutate(t, sql, number, k)
						if kind == "" {
							break
						}
						kinds[kind].Add(1)
						r, err := Check(s, []File{{"q.sql", "-- name: Mutant :many\n" + mutant}}, Options{})
						require.NoError(t, err)
						if len(r.Findings) > 0 {
							caught.Add(1)
							continue
						}
						// The tenant of a mutant is the parameter that still pins it.
						tenant := r.Params["Mutant"]
						if tenant == "" {
							tenant = "$" + strconv.Itoa(number)
						}
						why := worlds.interference(t, mutant, tenant)
						switch {
						case why == "":
							equivalent.Add(1)
						case strings.HasPrefix(why, "invalid"):
							invalid.Add(1)
						default:
							t.Errorf("%s: mutant %q passes, but %s: %s", queries[i].id, kind, why, mutant)
						}
					}
				}
			})
		}
	})
	t.Logf("%d mutants caught, %d change nothing, %d are not SQL", caught.Load(), equivalent.Load(), invalid.Load())
	require.Greater(t, caught.Load(), int64(800))
	for k, n := range kinds {
		require.Positive(t, n.Load(), "no mutant of kind %q", k)
	}
}

// mutate returns the k-th mutant of a statement; kind is empty past the last.
func mutate(t *testing.T, sql string, tenant, k int) (mutant, kind string) {
	t.Helper()
	tree, err := pg.Parse(sql)
	require.NoError(t, err, sql)
	// A number without a gap: Postgres wants the type of every parameter below.
	next, uses := int32(1), 0
	visit(tree, func(m proto.Message) {
		if v, ok := m.(*pg.ParamRef); ok {
			next = max(next, v.GetNumber()+1)
			if int(v.GetNumber()) == tenant {
				uses++
			}
		}
	})
	list := mutations(tree, tenant, next)
	if uses < 2 {
		// To rename the only mention of a parameter breaks nothing.
		list = slices.DeleteFunc(list, func(m mutation) bool { return m.name == "second parameter" })
	}
	if k >= len(list) {
		return "", ""
	}
	list[k].apply()
	out, err := pg.Deparse(tree)
	require.NoError(t, err, "%s of %s", list[k].name, sql)
	return out, list[k].name
}

func mutations(tree proto.Message, tenant int, next int32) []mutation {
	var out []mutation
	add := func(name string, apply func()) { out = append(out, mutation{name, apply}) }
	visit(tree, func(m proto.Message) {
		switch v := m.(type) {
		case *pg.Node:
			mutateAnd(v, add)
		case *pg.A_Expr:
			if lastName(v.GetName()) == "=" && namesTenant(m) {
				add("= to <>", func() { v.Name = []*pg.Node{pg.MakeStrNode("<>")} })
			}
		case *pg.SelectStmt:
			dropWhole(&v.WhereClause, add)
			dropWhole(&v.HavingClause, add)
			moveIntoOn(&v.WhereClause, v.GetFromClause(), add)
		case *pg.UpdateStmt:
			dropWhole(&v.WhereClause, add)
			add("set tenant", func() { v.TargetList = append(v.TargetList, setTenant(next)) })
		case *pg.DeleteStmt:
			dropWhole(&v.WhereClause, add)
		case *pg.JoinExpr:
			dropWhole(&v.Quals, add)
			if i := slices.IndexFunc(v.GetUsingClause(), isTenantName); i >= 0 {
				add("using", func() {
					if v.UsingClause = slices.Delete(v.UsingClause, i, i+1); len(v.UsingClause) == 0 {
						v.Quals = constTrue()
					}
				})
			}
		case *pg.ParamRef:
			if int(v.GetNumber()) == tenant {
				add("second parameter", func() { v.Number = next })
			}
		case *pg.InferClause:
			if i := slices.IndexFunc(v.GetIndexElems(), func(n *pg.Node) bool { return n.GetIndexElem().GetName() == "tenant_id" }); i >= 0 {
				add("conflict target", func() { v.IndexElems = slices.Delete(v.IndexElems, i, i+1) })
			}
		case *pg.OnConflictClause:
			if v.GetAction() == conflictUpdate {
				add("set tenant", func() { v.TargetList = append(v.TargetList, setTenant(next)) })
			}
		}
	})
	return out
}

func mutateAnd(n *pg.Node, add func(string, func())) {
	b := n.GetBoolExpr()
	if b.GetBoolop() != boolAnd {
		return
	}
	tenantArg := false
	for i, arg := range b.GetArgs() {
		if !namesTenant(arg) {
			continue
		}
		tenantArg = true
		add("drop", func() {
			b.Args = slices.Delete(b.Args, i, i+1)
			if len(b.Args) == 1 {
				n.Node = b.Args[0].Node
			}
		})
	}
	if tenantArg {
		add("and to or", func() { b.Boolop = boolOr })
	}
}

// dropWhole removes a condition that is all about the tenant.
func dropWhole(cond **pg.Node, add func(string, func())) {
	if *cond != nil && (*cond).GetBoolExpr().GetBoolop() != boolAnd && namesTenant(*cond) {
		add("drop", func() { *cond = constTrue() })
	}
}

// moveIntoOn moves a tenant conjunct of WHERE into the ON of an outer join.
func moveIntoOn(where **pg.Node, from []*pg.Node, add func(string, func())) {
	if *where == nil || len(from) == 0 {
		return
	}
	j := from[0].GetJoinExpr()
	if j.GetQuals() == nil || j.GetJointype() == joinInner || !namesTenant(*where) {
		return
	}
	add("move into on", func() {
		moved := *where
		*where = nil
		if b := moved.GetBoolExpr(); b.GetBoolop() == boolAnd {
			i := slices.IndexFunc(b.GetArgs(), func(n *pg.Node) bool { return namesTenant(n) })
			rest := slices.Delete(slices.Clone(b.GetArgs()), i, i+1)
			moved, *where = b.GetArgs()[i], pg.MakeBoolExprNode(boolAnd, append(rest, constTrue()), 0)
		}
		j.Quals = pg.MakeBoolExprNode(boolAnd, []*pg.Node{j.GetQuals(), moved}, 0)
	})
}

func setTenant(next int32) *pg.Node {
	return pg.MakeResTargetNodeWithNameAndVal("tenant_id", pg.MakeParamRefNode(next, 0), 0)
}

func constTrue() *pg.Node {
	return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Val: &pg.A_Const_Boolval{Boolval: &pg.Boolean{Boolval: true}}}}}
}

func isTenantName(n *pg.Node) bool { return n.GetString_().GetSval() == "tenant_id" }

// namesTenant reports whether the tenant column stands in a part, outside of
// subqueries, whose own conditions are sites of their own.
func namesTenant(m proto.Message) bool {
	found := false
	eachMessage(m.ProtoReflect(), func(c protoreflect.Message) {
		switch v := c.Interface().(type) {
		case *pg.SubLink:
			found = found || namesTenant(v.GetTestexpr())
		case *pg.ColumnRef:
			found = found || slices.ContainsFunc(v.GetFields(), isTenantName)
		default:
			found = found || namesTenant(c.Interface())
		}
	})
	return found
}

// visit calls f for every message of a tree, once: SET (a, b) = (…) has its
// source twice.
func visit(m proto.Message, f func(proto.Message)) {
	seen := map[proto.Message]bool{}
	var walk func(proto.Message)
	walk = func(m proto.Message) {
		if seen[m] {
			return
		}
		seen[m] = true
		f(m)
		eachMessage(m.ProtoReflect(), func(c protoreflect.Message) { walk(c.Interface()) })
	}
	walk(m)
}
