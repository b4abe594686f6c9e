package inspect

import (
	"slices"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A viewRead is a tenant table that a view reads in such a way that more than
// the reader's own rows come through.
type viewRead struct {
	View    catalog.OID `json:"view"`
	Rel     catalog.OID `json:"relid"`
	As      string      `json:"as_role"`
	Level   string      `json:"level"`
	Reason  string      `json:"reason"`
	Filter  bool        `json:"filter"`  // the view itself filters by tenant
	Barrier bool        `json:"barrier"` // and is a security barrier
	Through string      `json:"through"` // the view below it that does it
}

// views follows what the application can read through views. A view without
// security_invoker reads the tables below it as its owner; one that has it
// reads them as whoever reads it.
func (m *model) views() []viewRead {
	var out []viewRead
	for _, v := range m.cat.Relations {
		if v.Kind != catalog.View || v.Extension {
			continue
		}
		for _, id := range m.identities {
			g := m.may(id.role.OID, v)
			if !g.any() {
				continue
			}
			for _, r := range m.readsOf(v, id.role, nil) {
				r.View = v.OID
				if !slices.Contains(out, r) {
					out = append(out, r)
				}
			}
		}
	}
	return out
}

// readsOf returns the tenant tables that a view opens to the reader.
func (m *model) readsOf(v *catalog.Relation, reader *catalog.Role, seen []*catalog.Relation) []viewRead {
	if slices.Contains(seen, v) {
		return nil
	}
	seen = append(seen, v)
	as := m.cat.Role(v.Owner)
	if v.Option("security_invoker") {
		as = reader
	}
	if as == nil {
		return nil
	}
	var out []viewRead
	for _, rule := range v.Rules {
		if rule.Name != "_RETURN" {
			continue
		}
		tree, err := catalog.ParseNode(rule.Tree)
		if err != nil {
			continue
		}
		for _, ref := range references(tree) {
			r := m.cat.Relation(ref.relation)
			if r == nil || r == v {
				continue
			}
			if r.Kind == catalog.View {
				for _, below := range m.readsOf(r, as, seen) {
					below.Through = r.Name()
					if below.Filter = below.Filter || m.filters(ref, r); below.Filter {
						below.Barrier = below.Barrier || v.Option("security_barrier")
					}
					out = append(out, below)
				}
				continue
			}
			if !r.IsTable() || m.tenancy.Column(r) == nil || as == reader && v.Option("security_invoker") {
				continue
			}
			got := m.command(as, r, "SELECT")
			if got.level <= opaque {
				continue
			}
			out = append(out, viewRead{
				Rel: r.OID, As: as.Name, Level: got.level.String(), Reason: got.reason,
				Filter: m.filters(ref, r), Barrier: v.Option("security_barrier"),
			})
		}
	}
	return out
}

// A reference is a relation in the FROM clause of a query.
type reference struct {
	query    *catalog.Node
	index    int // in the range table, from 1
	relation catalog.OID
}

// references returns the relations that a query reads, at any depth.
func references(tree *catalog.Node) []reference {
	var out []reference
	tree.Walk(func(n *catalog.Node) bool {
		if n.Tag != "QUERY" {
			return true
		}
		for i, rte := range n.List("rtable") {
			if rte.Tag == "RANGETBLENTRY" && rte.OID("relid") != 0 && rte.Int("rtekind") == 0 && inFrom(n.Child("jointree"), i+1) {
				out = append(out, reference{n, i + 1, rte.OID("relid")})
			}
		}
		return true
	})
	return out
}

// inFrom tells a relation of the FROM clause from the OLD and NEW that every
// view has in its range table.
func inFrom(n *catalog.Node, index int) bool {
	found := false
	n.Walk(func(n *catalog.Node) bool {
		if n.Tag == "RANGETBLREF" && n.Int("rtindex") == index {
			found = true
		}
		return !found && n.Tag != "SUBLINK"
	})
	return found
}

// filters says whether the query around a reference limits it to the tenant of
// the context, directly or by joins on the tenant column.
func (m *model) filters(ref reference, r *catalog.Relation) bool {
	rtable := ref.query.List("rtable")
	column := func(varno int) *catalog.Column {
		if varno < 1 || varno > len(rtable) {
			return nil
		}
		rel := m.cat.Relation(rtable[varno-1].OID("relid"))
		if rel == nil {
			return nil
		}
		return m.tenancy.Column(rel)
	}
	done := map[int]bool{}
	conj := conjuncts(ref.query.Child("jointree"))
	for changed := true; changed; {
		changed = false
		for _, n := range conj {
			args := n.List("args")
			if n.Tag != "OPEXPR" || len(args) != 2 {
				continue
			}
			if _, same := m.equality[n.OID("opno")]; !same {
				continue
			}
			for range 2 {
				a, b := bare(args[0]), bare(args[1])
				args = []*catalog.Node{args[1], args[0]}
				if a == nil || a.Tag != "VAR" || a.Int("varlevelsup") != 0 || done[a.Int("varno")] {
					continue
				}
				col := column(a.Int("varno"))
				if col == nil || int(col.Num) != a.Int("varattno") {
					continue
				}
				other := b != nil && b.Tag == "VAR" && b.Int("varlevelsup") == 0 && done[b.Int("varno")] &&
					column(b.Int("varno")) != nil && int(column(b.Int("varno")).Num) == b.Int("varattno")
				if !other && len(varsAt(args[0], 0)) == 0 {
					v := m.value(args[0])
					other = len(v.sources) > 0 && v.fallback == "" && len(v.relations) == 0
				}
				if other {
					done[a.Int("varno")], changed = true, true
				}
			}
		}
	}
	return done[ref.index]
}

// bare takes off a relabelling, which changes neither value nor bits.
func bare(n *catalog.Node) *catalog.Node {
	for n != nil && n.Tag == "RELABELTYPE" {
		n = n.Child("arg")
	}
	return n
}

// contents returns the tenant tables that a relation is made of, at any depth:
// what a materialized view holds copies of.
func (m *model) contents(r *catalog.Relation, seen []catalog.OID) []*catalog.Relation {
	if slices.Contains(seen, r.OID) {
		return nil
	}
	seen = append(seen, r.OID)
	var out []*catalog.Relation
	for _, rule := range r.Rules {
		if rule.Name != "_RETURN" {
			continue
		}
		tree, err := catalog.ParseNode(rule.Tree)
		if err != nil {
			continue
		}
		tree.Walk(func(n *catalog.Node) bool {
			if n.Tag == "RANGETBLENTRY" && n.OID("relid") != 0 {
				if t := m.cat.Relation(n.OID("relid")); t != nil && t != r {
					if t.IsTable() && m.tenancy.Column(t) != nil && !m.tenancy.IsDirectory(t) {
						out = union(out, []*catalog.Relation{t})
					}
					out = union(out, m.contents(t, seen))
				}
			}
			return true
		})
	}
	return out
}
