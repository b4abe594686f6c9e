package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// The solver finds values that the checks of a table accept. It does not read
// the checks as logic: it collects promising values from the constants in them,
// and lets the server evaluate the checks over the combinations.

// A check is a condition on columns of a row.
type check struct {
	sql     string // over the quoted names of the columns
	columns []string
}

// checksOf returns the conditions that rows of a table must meet: its checks,
// those of the domains of its columns, and the bounds of a partition to go to.
func (w *world) checksOf(t *table, partition int) []check {
	var out []check
	add := func(sql string) {
		c := check{sql: sql}
		for _, tok := range scanSQL(sql) {
			if tok.kind == tokenWord {
				if col := t.rel.ColumnNamed(tok.value()); col != nil && !slices.Contains(c.columns, col.Name) {
					c.columns = append(c.columns, col.Name)
				}
			}
		}
		if len(c.columns) > 0 {
			out = append(out, c)
		}
	}
	for _, k := range t.rel.Constraints {
		if k.Type == "c" {
			add(checkBody(k.Definition))
		}
	}
	for _, col := range t.rel.Columns {
		for typ := w.types[col.TypeOID]; typ != nil && typ.Kind == "d"; typ = w.types[typ.Base] {
			for _, def := range typ.Checks {
				add(replaceValue(checkBody(def), quoteName(col.Name)))
			}
		}
	}
	if leaf := w.leaf(t.rel, partition); leaf != nil {
		if bound := w.bounds[leaf.OID]; bound != "" {
			add("(" + bound + ")")
		}
	}
	return out
}

// checkBody is the condition of CHECK (…) NO INHERIT.
func checkBody(def string) string {
	def = strings.TrimPrefix(def, "CHECK ")
	def = strings.TrimSuffix(def, " NOT VALID")
	return strings.TrimSuffix(def, " NO INHERIT")
}

// replaceValue puts a column in place of VALUE in the check of a domain.
func replaceValue(sql, column string) string {
	var b strings.Builder
	last := 0
	for _, tok := range scanSQL(sql) {
		if tok.kind == tokenWord && tok.text == "VALUE" {
			b.WriteString(sql[last:tok.at] + column)
			last = tok.end
		}
	}
	return b.String() + sql[last:]
}

// leaf returns one of the partitions that hold rows, nil for a table without.
func (w *world) leaf(r *catalog.Relation, n int) *catalog.Relation {
	if r.Kind != catalog.PartitionedTable {
		if r.Partition {
			return r
		}
		return nil
	}
	var leaves []*catalog.Relation
	var walk func(p *catalog.Relation)
	walk = func(p *catalog.Relation) {
		for _, c := range w.cat.Relations {
			if c.Partition && slices.Contains(c.Parents, p.OID) {
				if c.Kind == catalog.PartitionedTable {
					walk(c)
				} else if c.Kind == catalog.Table {
					leaves = append(leaves, c)
				}
			}
		}
	}
	walk(r)
	if len(leaves) == 0 {
		return nil
	}
	return leaves[n%len(leaves)]
}

// groups puts checks that share columns together.
func groups(checks []check) [][]check {
	var out [][]check
	for _, c := range checks {
		merged := []check{c}
		rest := out[:0:0]
		for _, g := range out {
			if slices.ContainsFunc(g, func(o check) bool {
				return slices.ContainsFunc(o.columns, func(n string) bool { return slices.Contains(c.columns, n) })
			}) {
				merged = append(merged, g...)
			} else {
				rest = append(rest, g)
			}
		}
		out = append(rest, merged)
	}
	return out
}

// solve finds values for the columns of a group. Fixed values stay. It returns
// several solutions, the most natural first, or none.
func (s *session) solve(ctx context.Context, t *table, group []check, fixed map[string]value, m maker) ([]map[string]value, error) {
	var columns []*catalog.Column
	var conds []string
	for _, c := range group {
		conds = append(conds, c.sql)
		for _, name := range c.columns {
			if col := t.rel.ColumnNamed(name); col.Generated == "" && !slices.Contains(columns, col) {
				columns = append(columns, col)
			}
		}
	}
	lists := make([][]value, len(columns))
	for i, col := range columns {
		if v, ok := fixed[col.Name]; ok {
			lists[i] = []value{v}
		} else {
			lists[i] = m.candidates(t, col, group)
		}
	}
	trim(lists)
	var from, names []string
	for i, col := range columns {
		typ := s.w.baseType(col)
		values := make([]string, len(lists[i]))
		for k, v := range lists[i] {
			values[k] = fmt.Sprintf("(%d, cast(%s as %s))", k, v.sql(), typ)
		}
		from = append(from, fmt.Sprintf("(values %s) v%d(k%d, %s)", strings.Join(values, ", "), i, i, quoteName(col.Name)))
		names = append(names, fmt.Sprintf("k%d", i))
	}
	sql := fmt.Sprintf("select %s from %s where %s order by %s limit 24",
		strings.Join(names, ", "), strings.Join(from, " cross join "),
		"("+strings.Join(conds, ") is not false and (")+") is not false", strings.Join(names, " + "))
	o, err := s.try(ctx, sql)
	if err != nil {
		return nil, err
	}
	if o.err != nil {
		return s.solveOneByOne(ctx, columns, lists, conds, o)
	}
	solutions := make([]map[string]value, 0, len(o.rows))
	for _, row := range o.rows {
		solution := map[string]value{}
		for i, col := range columns {
			k, _ := strconv.Atoi(row[i])
			solution[col.Name] = lists[i][k]
		}
		solutions = append(solutions, solution)
	}
	return solutions, nil
}

// maxSingles bounds the combinations that are tried one at a time.
const maxSingles = 400

// solveOneByOne is for checks that fail on some candidates, such as a cast of
// what is no number: each combination is a query of its own.
func (s *session) solveOneByOne(ctx context.Context, columns []*catalog.Column, lists [][]value, conds []string, first outcome) ([]map[string]value, error) {
	total := 1
	for _, l := range lists {
		total *= max(len(l), 1)
	}
	var solutions []map[string]value
	for n := 0; n < min(total, maxSingles) && len(solutions) < 8; n++ {
		solution, rest := map[string]value{}, n
		list := make([]string, len(columns))
		for i, col := range columns {
			v := lists[i][rest%len(lists[i])]
			rest /= len(lists[i])
			solution[col.Name] = v
			list[i] = fmt.Sprintf("cast(%s as %s) as %s", v.sql(), s.w.baseType(col), quoteName(col.Name))
		}
		o, err := s.try(ctx, fmt.Sprintf("select 1 from (select %s) x where (%s) is not false", strings.Join(list, ", "), strings.Join(conds, ") is not false and (")))
		if err != nil {
			return nil, err
		}
		if o.err == nil && len(o.rows) == 1 {
			solutions = append(solutions, solution)
		}
	}
	if len(solutions) == 0 {
		return nil, &unsolved{reason: first.err.Message}
	}
	return solutions, nil
}

// unsolved says that the server could not evaluate a check over candidates.
type unsolved struct{ reason string }

func (e *unsolved) Error() string { return e.reason }

// maxCombinations bounds what the server has to look at.
const maxCombinations = 60_000

// trim shortens lists until their combinations are few enough, the longest first.
func trim(lists [][]value) {
	for {
		product, longest := 1, 0
		for i, l := range lists {
			product *= max(len(l), 1)
			if len(l) > len(lists[longest]) {
				longest = i
			}
		}
		if product <= maxCombinations || len(lists[longest]) <= 2 {
			return
		}
		lists[longest] = lists[longest][:len(lists[longest])*2/3+1]
	}
}

// baseType is the type of a column below its domains, as in a cast.
func (w *world) baseType(col *catalog.Column) string {
	name := col.Type
	for typ := w.types[col.TypeOID]; typ != nil && typ.Kind == "d"; typ = w.types[typ.Base] {
		name = typ.BaseName
	}
	return name
}
