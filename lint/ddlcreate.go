package lint

import (
	"errors"
	"strings"
)

func (s *Schema) createAs(v *createTableAsStmt) error {
	kind := relTable
	if v.GetObjtype() == objMatview {
		kind = relMatview
	}
	rv := v.GetInto().GetRel()
	if rv.GetRelpersistence() == "t" {
		return nil
	}
	q, ok := unwrap(v.GetQuery()).(*selectStmt)
	if !ok {
		s.add(&Table{Schema: s.target(rv.GetSchemaname()), Name: rv.GetRelname(), opaque: true})
		return nil
	}
	return s.createFromSelect(rv, names(v.GetInto().GetColNames()), q, kind)
}

// createFromSelect adds a relation whose columns are those of a query.
func (s *Schema) createFromSelect(rv *rangeVar, columns []string, q *selectStmt, kind relKind) error {
	t := &Table{Schema: s.target(rv.GetSchemaname()), Name: rv.GetRelname(), kind: kind}
	outs, known := s.outputColumns(q)
	t.opaque = !known
	for i, c := range outs {
		if i < len(columns) {
			c.Name = columns[i]
		}
		t.Columns = append(t.Columns, c)
	}
	if kind != relTable {
		t.query, t.path = q, s.searchPath
	}
	s.add(t)
	return nil
}

func (s *Schema) createView(v *viewStmt) error {
	if v.GetView().GetRelpersistence() == "t" {
		return nil
	}
	q, ok := unwrap(v.GetQuery()).(*selectStmt)
	if !ok {
		s.add(&Table{Schema: s.target(v.GetView().GetSchemaname()), Name: v.GetView().GetRelname(), kind: relView, opaque: true})
		return nil
	}
	return s.createFromSelect(v.GetView(), names(v.GetAliases()), q, relView)
}

// outputColumns computes the names (and where it is plain to see the types) of
// the columns a query returns, by running the analysis over it.
func (s *Schema) outputColumns(q *selectStmt) ([]Column, bool) {
	a := newAnalysis(s, nil, s.searchPath)
	b := a.selectBlock(q, &scope{})
	var out []Column
	for _, o := range b.outs {
		c := Column{Name: o.name}
		if o.node != noNode {
			c.Type = a.nodes[o.node].typ
		}
		out = append(out, c)
	}
	return out, !b.open
}

func (s *Schema) createFunction(v *createFunctionStmt) {
	parts := names(v.GetFuncname())
	f := &function{name: parts[len(parts)-1], procedure: v.GetIsProcedure(), tree: v.GetSqlBody()}
	if len(parts) > 1 {
		f.schema = parts[0]
	}
	for _, o := range v.GetOptions() {
		switch d := o.GetDefElem(); d.GetDefname() {
		case "language":
			f.language = strings.ToLower(d.GetArg().GetString_().GetSval())
		case "as":
			for _, part := range d.GetArg().GetList().GetItems() {
				f.body += part.GetString_().GetSval() + "\n"
			}
		}
	}
	s.functions[f.name] = append(s.functions[f.name], f)
}

// setConfig follows select set_config('search_path', …), the form pg_dump uses.
func (s *Schema) setConfig(v *selectStmt) {
	for _, t := range v.GetTargetList() {
		f := t.GetResTarget().GetVal().GetFuncCall()
		if lastName(f.GetFuncname()) != "set_config" || len(f.GetArgs()) < 2 {
			continue
		}
		if f.GetArgs()[0].GetAConst().GetSval().GetSval() != "search_path" {
			continue
		}
		var path []string
		for _, p := range strings.Split(f.GetArgs()[1].GetAConst().GetSval().GetSval(), ",") {
			path = append(path, strings.Trim(strings.TrimSpace(p), `"`))
		}
		s.setSearchPath(path)
	}
}

func (s *Schema) setSearchPath(names []string) {
	var path []string
	for _, name := range names {
		if name == "" || name == "$user" || name == "pg_catalog" {
			continue
		}
		path = append(path, name)
	}
	if len(path) == 0 {
		// pg_dump empties the path and qualifies every name.
		path = []string{"public"}
	}
	s.searchPath = path
}

// doBlock follows the plain CREATE TABLE and ALTER TABLE statements of a DO
// block, whether or not the block's conditions run them: a table too many is a
// table that no query names. Columns that a block adds by EXECUTE are lost to
// the proof, so such a block is an error.
func (s *Schema) doBlock(v *doStmt) error {
	body := ""
	for _, arg := range v.GetArgs() {
		if d := arg.GetDefElem(); d.GetDefname() == "as" {
			body = d.GetArg().GetString_().GetSval()
		}
	}
	dynamic := false
	for _, w := range identifiers(body) {
		dynamic = dynamic || w.text == "execute"
	}
	if lower := strings.ToLower(body); dynamic && strings.Contains(lower, "add column") {
		return errors.New("a DO block adds columns by EXECUTE, which is not followed (add the columns with plain ALTER TABLE statements)")
	}
	for _, p := range splitStatements(body) {
		text := body[p.code:p.end]
		lower := strings.ToLower(text)
		at := max(strings.Index(lower, "create table"), strings.Index(lower, "alter table"))
		if at < 0 {
			continue
		}
		stmts, err := parseSQL(text[at:])
		if err != nil {
			continue
		}
		for _, st := range stmts {
			if err := s.apply(st.GetStmt()); err != nil {
				return err
			}
		}
	}
	return nil
}
