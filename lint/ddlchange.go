package lint

import (
	"fmt"
	"slices"
	"strings"
)

// alterTable follows ALTER TABLE. A table that no migration creates is an error
// unless IF EXISTS forgives it.
func (s *Schema) alterTable(v *alterTableStmt) error {
	if v.GetObjtype() == objIndex {
		return nil
	}
	rv := v.GetRelation()
	t := s.lookup(rv.GetSchemaname(), rv.GetRelname())
	if t == nil {
		// A table that is not known is an error in every query that names it, so
		// what else happens to it does not matter. A column, though, may be the
		// tenant's, of a table that a later file creates.
		adds := slices.ContainsFunc(v.GetCmds(), func(n *node) bool { return n.GetAlterTableCmd().GetSubtype() == atAddColumn })
		if v.GetMissingOk() || !adds || v.GetObjtype() != objTable && v.GetObjtype() != objForeignTable {
			return nil
		}
		return fmt.Errorf("alter table %s: no migration creates it (add the missing schema file)", rv.GetRelname())
	}
	for _, c := range v.GetCmds() {
		if err := s.alterCommand(t, c.GetAlterTableCmd()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) alterCommand(t *Table, c *alterTableCmd) error {
	col := t.Column(c.GetName())
	switch c.GetSubtype() {
	case atAddColumn:
		if def := c.GetDef().GetColumnDef(); t.Column(def.GetColname()) == nil || !c.GetMissingOk() {
			s.eachDescendant(t, func(d *Table) { s.addColumn(d, def) })
		}
	case atDropColumn:
		s.eachDescendant(t, func(d *Table) { d.dropColumn(c.GetName()) })
	case atColumnDefault:
		if col != nil {
			col.fills = fillNull
			if c.GetDef() != nil {
				col.fills = defaultFill(c.GetDef())
			}
		}
	case atAddIdentity:
		if col != nil {
			col.fills = fillFresh
		}
	case atSetNotNull, atDropNotNull:
		s.eachDescendant(t, func(d *Table) {
			if dc := d.Column(c.GetName()); dc != nil {
				dc.NotNull = c.GetSubtype() == atSetNotNull
			}
		})
	case atAlterColumnType:
		s.eachDescendant(t, func(d *Table) {
			if dc := d.Column(c.GetName()); dc != nil {
				dc.Type = typeText(c.GetDef().GetColumnDef().GetTypeName())
			}
		})
	case atAddConstraint:
		s.addConstraint(t, c.GetDef().GetConstraint(), "")
	case atDropConstraint:
		t.dropConstraint(c.GetName())
	case atAddInherit:
		return s.inherit(t, c.GetDef().GetRangeVar())
	case atDropInherit:
		s.disinherit(t, c.GetDef().GetRangeVar())
	case atAttachPartition:
		rv := c.GetDef().GetPartitionCmd().GetName()
		if child := s.lookup(rv.GetSchemaname(), rv.GetRelname()); child != nil {
			child.isPart = true
			child.parents = append(child.parents, t)
			t.children++
		}
	case atDetachPartition:
		rv := c.GetDef().GetPartitionCmd().GetName()
		if child := s.lookup(rv.GetSchemaname(), rv.GetRelname()); child != nil {
			child.parents = slices.DeleteFunc(child.parents, func(p *Table) bool { return p == t })
			t.children--
		}
	}
	return nil
}

// eachDescendant calls f for the table and everything that inherits from it.
func (s *Schema) eachDescendant(t *Table, f func(*Table)) {
	f(t)
	if t.children == 0 {
		return
	}
	for _, d := range s.Tables() {
		if slices.Contains(d.parents, t) {
			s.eachDescendant(d, f)
		}
	}
}

func (s *Schema) disinherit(t *Table, rv *rangeVar) {
	p := s.lookup(rv.GetSchemaname(), rv.GetRelname())
	if p != nil && slices.Contains(t.parents, p) {
		t.parents = slices.DeleteFunc(t.parents, func(q *Table) bool { return q == p })
		p.children--
	}
}

// dropColumn also drops the keys that contain the column, as Postgres does.
func (t *Table) dropColumn(name string) {
	t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool { return c.Name == name })
	t.Keys = slices.DeleteFunc(t.Keys, func(k Key) bool { return slices.Contains(k.Columns, name) })
	t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(k ForeignKey) bool { return slices.Contains(k.Columns, name) })
}

// dropConstraint drops a key or foreign key. A name that is not known may be
// that of a key under the name Postgres gave it: then no key counts any more.
func (t *Table) dropConstraint(name string) {
	known := slices.Contains(t.named, name) || slices.ContainsFunc(t.Keys, func(k Key) bool { return k.Name == name }) ||
		slices.ContainsFunc(t.ForeignKeys, func(k ForeignKey) bool { return k.Name == name }) ||
		strings.HasSuffix(name, "_fkey") || strings.HasSuffix(name, "_check") || strings.HasSuffix(name, "_not_null")
	t.unsure = t.unsure || !known
	t.dropKey(name)
}

func (t *Table) dropKey(name string) {
	t.Keys = slices.DeleteFunc(t.Keys, func(k Key) bool { return k.Name == name })
	t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(k ForeignKey) bool { return k.Name == name })
}

func (s *Schema) rename(v *renameStmt) error {
	rv := v.GetRelation()
	switch v.GetRenameType() {
	case objSchema:
		return s.renameSchema(v.GetSubname(), v.GetNewname())
	case objIndex:
		s.renameIndex(rv.GetRelname(), v.GetNewname())
		return nil
	case objTable, objView, objMatview, objForeignTable, objColumn, objTabConstraint:
	default:
		return nil
	}
	t := s.lookup(rv.GetSchemaname(), rv.GetRelname())
	if t == nil {
		// ALTER TABLE renames sequences and indexes, too.
		s.renameIndex(rv.GetRelname(), v.GetNewname())
		return nil
	}
	switch v.GetRenameType() {
	case objColumn:
		s.eachDescendant(t, func(d *Table) { d.renameColumn(v.GetSubname(), v.GetNewname()) })
	case objTabConstraint:
		for i := range t.Keys {
			if t.Keys[i].Name == v.GetSubname() {
				t.Keys[i].Name = v.GetNewname()
			}
		}
	default:
		s.remove(t)
		for _, o := range s.Tables() {
			for i := range o.ForeignKeys {
				if fk := &o.ForeignKeys[i]; s.lookup(fk.RefSchema, fk.RefTable) == nil && fk.RefTable == t.Name {
					fk.RefTable = v.GetNewname()
				}
			}
		}
		s.former[t.Schema+"."+t.Name] = t
		t.Name = v.GetNewname()
		s.add(t)
	}
	return nil
}

func (s *Schema) renameSchema(from, to string) error {
	tables := s.schemas[from]
	delete(s.schemas, from)
	if s.schemas[to] == nil {
		s.schemas[to] = map[string]*Table{}
	}
	for name, t := range tables {
		t.Schema = to
		s.schemas[to][name] = t
	}
	return nil
}

func (s *Schema) renameIndex(from, to string) {
	for _, t := range s.Tables() {
		for i := range t.Keys {
			if t.Keys[i].Name == from {
				t.Keys[i].Name = to
			}
		}
	}
}

func (t *Table) renameColumn(from, to string) {
	if c := t.Column(from); c != nil {
		c.Name = to
	}
	for i := range t.Keys {
		// Partitions share the slice with their parent.
		t.Keys[i].Columns = replaced(t.Keys[i].Columns, from, to)
	}
	for i := range t.ForeignKeys {
		t.ForeignKeys[i].Columns = replaced(t.ForeignKeys[i].Columns, from, to)
	}
}

func replaced(list []string, from, to string) []string {
	out := slices.Clone(list)
	for i := range out {
		if out[i] == from {
			out[i] = to
		}
	}
	return out
}

func (s *Schema) moveToSchema(v *alterObjectSchemaStmt) {
	t := s.lookup(v.GetRelation().GetSchemaname(), v.GetRelation().GetRelname())
	if t == nil {
		return
	}
	s.remove(t)
	s.former[t.Schema+"."+t.Name] = t
	t.Schema = v.GetNewschema()
	s.add(t)
}

func (s *Schema) drop(v *dropStmt) {
	for _, o := range v.GetObjects() {
		parts := names(o.GetList().GetItems())
		if len(parts) == 0 {
			parts = []string{o.GetString_().GetSval()}
		}
		schema, name := "", parts[len(parts)-1]
		if len(parts) > 1 {
			schema = parts[len(parts)-2]
		}
		switch v.GetRemoveType() {
		case objTable, objView, objMatview, objForeignTable:
			if t := s.lookup(schema, name); t != nil {
				s.dropTable(t)
			}
		case objIndex:
			for _, t := range s.Tables() {
				t.dropKey(name)
			}
		case objSchema:
			delete(s.schemas, name)
		case objFunction:
			delete(s.functions, lastName(o.GetObjectWithArgs().GetObjname()))
		}
	}
}

func (s *Schema) dropTable(t *Table) {
	for _, p := range t.parents {
		p.children--
	}
	s.remove(t)
	for _, d := range s.Tables() {
		if slices.Contains(d.parents, t) { // DROP … CASCADE takes the children
			s.dropTable(d)
		}
	}
}
