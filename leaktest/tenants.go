package leaktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// chooseTenants invents the tenants: two to attack each other, a third that
// repeats the first one's natural values, and some that a careless comparison
// takes for the first.
func (w *world) chooseTenants(ctx context.Context, s *session) error {
	kind, checks := w.tenantKind()
	var ids, like []string
	spare := ""
	switch kind {
	case "uuid":
		ids = []string{"7a1c0de5-4b1d-4c3e-9f2a-000000000a01", "b2e55ed0-9d2f-4a6b-8c1e-000000000b02", "c3ab1e00-1f3d-4d5c-a7b9-000000000c03"}
		spare = "d4ff5a7e-2e4f-4e6d-b8ca-000000000d04"
		like = []string{"7a1c0de5-4b1d-4c3e-9f2a-1234567890ab", "0d15ea5e-4b1d-4c3e-9f2a-000000000a01"}
	case "smallint":
		ids, spare, like = []string{"2101", "3202", "4303"}, "5404", []string{"21013", "-2101", "210"}
	case "int":
		ids, spare, like = []string{"7100101", "7200202", "7300303"}, "7400404", []string{"71001013", "-7100101", "710010"}
	default:
		ids, spare = []string{"wtalpha_1", "wtbravo_2", "wtcharl_3"}, "wtspare_4"
		like = []string{"WTALPHA_1", "wtalphax1", "wtalpha_12", "xwtalpha_1", "wtalpha_"}
	}
	if kind == "text" && checks != nil {
		valid, err := w.accepted(ctx, s, checks, slices.Concat(ids, []string{spare}, like))
		if err != nil {
			return err
		}
		if slices.Contains(valid, ids[0]) && slices.Contains(valid, ids[1]) && slices.Contains(valid, ids[2]) {
			like = slices.DeleteFunc(like, func(id string) bool { return !slices.Contains(valid, id) })
			if !slices.Contains(valid, spare) {
				spare = ""
			}
			checks = nil
		}
	}
	if kind == "text" && checks != nil {
		found, err := w.solveTenants(ctx, s, checks)
		if err != nil {
			return err
		}
		if len(found) >= 3 {
			ids, like, spare = found[:3], nil, ""
			if len(found) > 3 {
				spare = found[3]
			}
		}
	}
	labels := []string{"alpha", "bravo", "charl", "nearb", "nearc", "neard", "neare", "nearf"}
	for i, id := range append(ids, like...) {
		t := &tenant{index: i, id: id, label: labels[i], user: userOf(kind, id, i)}
		if i > 2 {
			t.like = resemblance(ids[0], id)
		}
		w.tenants = append(w.tenants, t)
	}
	if spare != "" {
		w.spare = &tenant{index: len(w.tenants), id: spare, label: "spare", user: userOf(kind, spare, len(w.tenants))}
		w.tenants = append(w.tenants, w.spare)
	}
	return nil
}

// resemblance says in what an identifier resembles the first tenant's.
func resemblance(first, id string) string {
	switch {
	case normal(first) == normal(id) && len(first) == len(id):
		return "differs in case only"
	case len(id) < len(first):
		return "is the beginning of it"
	case len(id) == len(first) && strings.ContainsRune(first, '_'):
		return "matches it as a pattern, where _ stands for any character"
	case id[0] == '-' || id[0] == 'x':
		return "ends like it"
	}
	return "begins like it"
}

func userOf(kind, id string, i int) string {
	if kind == "uuid" {
		return fmt.Sprintf("00000000-0000-4000-8000-%012d", 9000+i)
	}
	return fmt.Sprint(9000 + i)
}

// tenantKind is the narrowest type of all tenant columns, so that one
// identifier fits all of them.
func (w *world) tenantKind() (kind string, checked *table) {
	rank := map[string]int{"text": 0, "int": 1, "smallint": 2, "uuid": 3}
	kind = "text"
	for _, r := range w.cat.Relations {
		col := w.ten.Column(r)
		if col == nil || !r.IsTable() {
			continue
		}
		k := "text"
		switch col.BaseType {
		case "uuid":
			k = "uuid"
		case "smallint":
			k = "smallint"
		case "integer", "bigint", "numeric", "oid":
			k = "int"
		}
		if rank[k] > rank[kind] {
			kind = k
		}
		if k == "text" && (w.types[col.BaseOID] != nil && w.types[col.BaseOID].Kind == "e" || w.hasChecks(r, col)) && (checked == nil || w.ten.IsDirectory(r)) {
			checked = w.byOID[r.OID]
		}
	}
	return kind, checked
}

// hasChecks says whether a text column cannot hold just any text.
func (w *world) hasChecks(r *catalog.Relation, col *catalog.Column) bool {
	if _, _, limited := modifiers(w.baseType(col)); limited {
		return true
	}
	t := w.byOID[r.OID]
	return slices.ContainsFunc(w.checksOf(t, 0), func(c check) bool { return len(c.columns) == 1 && c.columns[0] == col.Name })
}

// tenantChecks are the conditions on the tenant column alone.
func (w *world) tenantChecks(t *table) []check {
	var group []check
	for _, c := range w.checksOf(t, 0) {
		if len(c.columns) == 1 && c.columns[0] == t.column.Name {
			group = append(group, c)
		}
	}
	if len(group) == 0 {
		group = []check{{sql: "true", columns: []string{t.column.Name}}}
	}
	return group
}

// accepted returns the identifiers that the tenant column takes.
func (w *world) accepted(ctx context.Context, s *session, t *table, ids []string) ([]string, error) {
	typ := w.types[t.column.BaseOID]
	var out []string
	for _, id := range ids {
		if typ == nil || typ.Kind == "e" || !fits(typ, w.baseType(t.column), id) {
			continue
		}
		solutions, err := s.solve(ctx, t, w.tenantChecks(t), map[string]value{t.column.Name: text(id)}, maker{w: w})
		if _, bad := errors.AsType[*unsolved](err); err != nil && !bad {
			return nil, err
		}
		if len(solutions) > 0 {
			out = append(out, id)
		}
	}
	return out, nil
}

// solveTenants finds identifiers that the checks of the tenant column accept.
func (w *world) solveTenants(ctx context.Context, s *session, t *table) ([]string, error) {
	group := w.tenantChecks(t)
	var found []string
	for i := range 12 {
		m := maker{w: w, label: fmt.Sprintf("t%d", i), n: 3 + 7*i}
		solutions, err := s.solve(ctx, t, group, nil, m)
		if err != nil {
			return nil, fmt.Errorf("find identifiers of tenants: %w (insert tenants by --seed)", err)
		}
		for _, sol := range solutions {
			if v := sol[t.column.Name]; !v.null && v.text != "" && !slices.Contains(found, v.text) {
				found = append(found, v.text)
				break
			}
		}
	}
	return found, nil
}
