package leaktest

import (
	"slices"

	"github.com/watertight-go/watertight/internal/catalog"
)

// inOrder returns the tables to fill: those of tenants, and the shared ones
// that these refer to, each after the tables that it refers to. A cycle is
// entered where a key may stay empty or is checked late, if there is such a
// place.
func (w *world) inOrder() []*table {
	var out []*table
	state := map[catalog.OID]int{} // 1 being visited, 2 done
	var visit func(t *table)
	visit = func(t *table) {
		if state[t.rel.OID] != 0 {
			return
		}
		state[t.rel.OID] = 1
		// First what each row needs, so that a cycle breaks at a key that may
		// be empty.
		for _, needed := range []bool{true, false} {
			for _, k := range w.foreignKeys(t.rel) {
				parent := w.byOID[k.References]
				if parent != nil && parent != t && w.required(t.rel, k) == needed {
					visit(parent)
				}
			}
		}
		state[t.rel.OID] = 2
		out = append(out, t)
	}
	var roots []*table
	for _, r := range w.cat.Relations {
		if t := w.byOID[r.OID]; t != nil && r.IsTable() && t.class != shared {
			roots = append(roots, t)
		}
	}
	slices.SortStableFunc(roots, func(a, b *table) int { return rank(a.class) - rank(b.class) })
	for _, t := range roots {
		visit(t)
	}
	return out
}

func rank(c class) int {
	switch c {
	case directory:
		return 0
	case direct:
		return 1
	}
	return 2
}

// foreignKeys returns the foreign keys of a table, once each.
func (w *world) foreignKeys(r *catalog.Relation) []*catalog.Constraint {
	var out []*catalog.Constraint
	for _, k := range r.Constraints {
		// The keys of a referenced partition are implied by that of the table.
		if k.Type == "f" && !(k.Parent != 0 && w.parentReferences(k)) {
			out = append(out, k)
		}
	}
	return out
}

func (w *world) parentReferences(k *catalog.Constraint) bool {
	r := w.cat.Relation(k.Relation)
	return r != nil && slices.ContainsFunc(r.Constraints, func(o *catalog.Constraint) bool { return o.OID == k.Parent })
}
