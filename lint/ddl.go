package lint

import (
	"fmt"
	"slices"
	"strings"
)

// apply changes the schema by one statement of a migration. Statements that do
// not change what queries can name (grants, comments, data) are skipped; a
// statement that changes it in a way that is not followed is an error, because
// every verdict would rest on a wrong schema.
func (s *Schema) apply(stmt *node) error {
	switch v := unwrap(stmt).(type) {
	case *createStmt:
		return s.createTable(v, relTable)
	case *createForeignStmt:
		return s.createTable(v.GetBaseStmt(), relForeign)
	case *createTableAsStmt:
		return s.createAs(v)
	case *selectStmt:
		if v.GetIntoClause() != nil {
			return s.createFromSelect(v.GetIntoClause().GetRel(), nil, v, relTable)
		}
		s.setConfig(v)
	case *viewStmt:
		return s.createView(v)
	case *alterTableStmt:
		return s.alterTable(v)
	case *renameStmt:
		return s.rename(v)
	case *alterObjectSchemaStmt:
		s.moveToSchema(v)
	case *dropStmt:
		s.drop(v)
	case *indexStmt:
		s.createIndex(v)
	case *createFunctionStmt:
		s.createFunction(v)
	case *createSchemaStmt:
		return s.createSchema(v)
	case *compositeTypeStmt:
		t := &Table{Schema: s.target(v.GetTypevar().GetSchemaname()), Name: v.GetTypevar().GetRelname()}
		s.addColumns(t, v.GetColdeflist())
		s.types[t.Name] = t
	case *createEnumStmt:
		s.enums[lastName(v.GetTypeName())] = true
	case *createDomainStmt:
		s.domains[lastName(v.GetDomainname())] = typeText(v.GetTypeName())
	case *defineStmt:
		if v.GetKind() == objOperator {
			s.operators[lastName(v.GetDefnames())] = true
		}
	case *ruleStmt:
		if t := s.lookup(v.GetRelation().GetSchemaname(), v.GetRelation().GetRelname()); t != nil {
			t.rules = true
		}
	case *createTrigStmt:
		const insteadOf = 1 << 6
		if t := s.lookup(v.GetRelation().GetSchemaname(), v.GetRelation().GetRelname()); t != nil && v.GetTiming()&insteadOf != 0 {
			t.rules = true
		}
	case *doStmt:
		return s.doBlock(v)
	case *variableSetStmt:
		if v.GetName() == "search_path" {
			var path []string
			for _, arg := range v.GetArgs() {
				path = append(path, arg.GetAConst().GetSval().GetSval())
			}
			s.setSearchPath(path)
		}
	}
	return nil
}

func (s *Schema) createSchema(v *createSchemaStmt) error {
	name := v.GetSchemaname()
	if name == "" {
		name = v.GetAuthrole().GetRolename()
	}
	if s.schemas[name] == nil {
		s.schemas[name] = map[string]*Table{}
	}
	for _, elt := range v.GetSchemaElts() {
		before := s.searchPath
		s.searchPath = append([]string{name}, before...)
		err := s.apply(elt)
		s.searchPath = before
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) createTable(v *createStmt, kind relKind) error {
	rv := v.GetRelation()
	if rv.GetRelpersistence() == "t" {
		return nil // a temporary table of the migration itself
	}
	t := &Table{Schema: s.target(rv.GetSchemaname()), Name: rv.GetRelname(), kind: kind}
	if s.schemas[t.Schema][t.Name] != nil {
		if v.GetIfNotExists() {
			return nil
		}
		// Two migrations that create the same table: the later wins, as it
		// does for a reader of dumps kept beside migrations.
		s.remove(s.schemas[t.Schema][t.Name])
	}
	if v.GetPartspec() != nil || v.GetPartbound() != nil {
		t.isPart = true
	}
	for _, p := range v.GetInhRelations() {
		if err := s.inherit(t, p.GetRangeVar()); err != nil {
			return err
		}
	}
	if ot := v.GetOfTypename(); ot != nil {
		if ct := s.types[lastName(ot.GetNames())]; ct != nil {
			t.Columns = append(t.Columns, ct.Columns...)
		} else {
			t.opaque = true
		}
	}
	s.addColumns(t, v.GetTableElts())
	for _, c := range v.GetConstraints() {
		s.addConstraint(t, c.GetConstraint(), "")
	}
	s.add(t)
	return nil
}

// inherit copies what a child has of its parent: the columns, and for a
// partition the keys.
func (s *Schema) inherit(t *Table, rv *rangeVar) error {
	p := s.lookup(rv.GetSchemaname(), rv.GetRelname())
	if p == nil {
		return fmt.Errorf("table %s inherits from %s, which no migration creates (add the missing schema file)", t, rv.GetRelname())
	}
	p.children++
	t.parents = append(t.parents, p)
	for _, c := range p.Columns {
		if t.Column(c.Name) == nil {
			t.Columns = append(t.Columns, c)
		}
	}
	if p.isPart {
		t.isPart = true
		t.Keys = append(t.Keys, p.Keys...)
		t.ForeignKeys = append(t.ForeignKeys, p.ForeignKeys...)
	}
	return nil
}

func (s *Schema) addColumns(t *Table, elts []*node) {
	for _, e := range elts {
		switch v := unwrap(e).(type) {
		case *columnDef:
			s.addColumn(t, v)
		case *constraintNode:
			s.addConstraint(t, v, "")
		case *tableLike:
			s.like(t, v)
		}
	}
}

// like copies columns; LIKE … INCLUDING INDEXES copies keys, too. The options
// are a bit mask of the parser's grammar.
func (s *Schema) like(t *Table, v *tableLike) {
	src := s.lookup(v.GetRelation().GetSchemaname(), v.GetRelation().GetRelname())
	if src == nil {
		t.opaque = true
		return
	}
	const (
		includingDefaults = 1 << 3
		includingIdentity = 1 << 5
		includingIndexes  = 1 << 6
	)
	for _, c := range src.Columns {
		if v.GetOptions()&(includingDefaults|includingIdentity) == 0 {
			c.fills = fillNull
		}
		t.Columns = append(t.Columns, c)
	}
	if v.GetOptions()&includingIndexes != 0 {
		for _, k := range src.Keys {
			k.Columns = slices.Clone(k.Columns)
			k.Name = strings.Replace(k.Name, src.Name, t.Name, 1)
			t.Keys = append(t.Keys, k)
		}
	}
}

func (s *Schema) addColumn(t *Table, v *columnDef) {
	col := Column{Name: v.GetColname(), Type: typeText(v.GetTypeName()), NotNull: v.GetIsNotNull()}
	switch col.Type {
	case "serial", "bigserial", "smallserial", "serial4", "serial8", "serial2":
		col.Type = map[string]string{"serial": "int4", "serial4": "int4", "bigserial": "int8", "serial8": "int8"}[col.Type]
		col.fills, col.NotNull = fillFresh, true
	}
	if v.GetRawDefault() != nil {
		col.fills = defaultFill(v.GetRawDefault())
	}
	if old := t.Column(col.Name); old != nil {
		// A child may repeat a column of its parent.
		*old = col
	} else {
		t.Columns = append(t.Columns, col)
	}
	for _, c := range v.GetConstraints() {
		s.addConstraint(t, c.GetConstraint(), col.Name)
	}
}

// addConstraint adds a constraint; column is set when it stands in a column.
func (s *Schema) addConstraint(t *Table, c *constraintNode, column string) {
	col := t.Column(column)
	if c.GetConname() != "" {
		t.named = append(t.named, c.GetConname())
	}
	switch c.GetContype() {
	case constrNotNull:
		for _, k := range c.GetKeys() {
			if cc := t.Column(k.GetString_().GetSval()); cc != nil {
				cc.NotNull = true
			}
		}
		if col != nil {
			col.NotNull = true
		}
	case constrDefault:
		if col != nil {
			col.fills = defaultFill(c.GetRawExpr())
		}
	case constrIdentity:
		if col != nil {
			col.fills, col.NotNull = fillFresh, true
		}
	case constrGenerated:
		if col != nil {
			col.fills = fillOther
		}
	case constrPrimary, constrUnique, constrExclusion:
		s.addKey(t, c, column)
	case constrForeign:
		fk := ForeignKey{
			Name: c.GetConname(), Columns: names(c.GetFkAttrs()), RefColumns: names(c.GetPkAttrs()),
			RefSchema: c.GetPktable().GetSchemaname(), RefTable: c.GetPktable().GetRelname(),
		}
		if column != "" {
			fk.Columns = []string{column}
		}
		t.ForeignKeys = append(t.ForeignKeys, fk)
	case constrDeferrable:
		// Follows the constraint it belongs to.
		if n := len(t.Keys); n > 0 && column != "" && slices.Equal(t.Keys[n-1].Columns, []string{column}) {
			t.Keys[n-1].Deferrable = true
		}
	}
}

func (s *Schema) addKey(t *Table, c *constraintNode, column string) {
	k := Key{
		Name: c.GetConname(), Columns: names(c.GetKeys()), Primary: c.GetContype() == constrPrimary,
		Deferrable: c.GetDeferrable(), Partial: c.GetWhereClause() != nil, Exclusion: c.GetContype() == constrExclusion,
	}
	if column != "" {
		k.Columns = []string{column}
	}
	if c.GetIndexname() != "" { // ADD CONSTRAINT … USING INDEX
		for i := range t.Keys {
			if t.Keys[i].Name == c.GetIndexname() {
				t.Keys[i].Primary = k.Primary
				if k.Name != "" {
					t.Keys[i].Name = k.Name
				}
			}
		}
		return
	}
	for _, e := range c.GetExclusions() {
		// Only an = on the column makes the constraint apart by it.
		name := ""
		if items := e.GetList().GetItems(); len(items) == 2 && lastName(items[1].GetList().GetItems()) == "=" {
			name = items[0].GetIndexElem().GetName()
		}
		k.Columns = append(k.Columns, name)
	}
	if k.Name == "" {
		k.Name = keyName(t.Name, k)
	}
	if k.Primary {
		for _, name := range k.Columns {
			if cc := t.Column(name); cc != nil {
				cc.NotNull = true
			}
		}
	}
	t.Keys = append(t.Keys, k)
}

// keyName is the name Postgres gives a constraint that has none. Long names are
// cut by Postgres; such a name is not found and the query is then a finding.
func keyName(table string, k Key) string {
	if k.Primary {
		return table + "_pkey"
	}
	suffix := "_key"
	if k.Exclusion {
		suffix = "_excl"
	}
	return table + "_" + strings.Join(k.Columns, "_") + suffix
}

func (s *Schema) createIndex(v *indexStmt) {
	t := s.lookup(v.GetRelation().GetSchemaname(), v.GetRelation().GetRelname())
	if t == nil || !v.GetUnique() {
		return
	}
	k := Key{Name: v.GetIdxname(), Partial: v.GetWhereClause() != nil}
	for _, p := range v.GetIndexParams() {
		k.Columns = append(k.Columns, p.GetIndexElem().GetName())
	}
	if k.Name == "" {
		k.Name = t.Name + "_" + strings.Join(k.Columns, "_") + "_idx"
	}
	if v.GetIfNotExists() && slices.ContainsFunc(t.Keys, func(o Key) bool { return o.Name == k.Name }) {
		return
	}
	t.Keys = append(t.Keys, k)
}

// defaultFill classifies the default of a column.
func defaultFill(n *node) fill {
	switch v := unwrap(n).(type) {
	case *typeCast:
		return defaultFill(v.GetArg())
	case *aConst:
		if v.GetIsnull() {
			return fillNull
		}
	case *funcCall:
		switch lastName(v.GetFuncname()) {
		case "nextval", "gen_random_uuid", "uuid_generate_v4", "uuid_generate_v1", "uuid_generate_v1mc", "uuidv7", "uuidv4", "uuid_generate_v7", "gen_random_ulid", "gen_ulid", "generate_ulid":
			return fillFresh
		}
	}
	return fillOther
}

// names returns the strings of a list of names.
func names(list []*node) []string {
	var out []string
	for _, n := range list {
		out = append(out, n.GetString_().GetSval())
	}
	return out
}

// lastName returns the name without its schema.
func lastName(list []*node) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1].GetString_().GetSval()
}

// typeText renders a type: the name without pg_catalog, (n) when it has a
// length or precision, [] for an array.
func typeText(t *typeName) string {
	if t == nil {
		return ""
	}
	parts := names(t.GetNames())
	if len(parts) == 2 && parts[0] == "pg_catalog" {
		parts = parts[1:]
	}
	text := parts[len(parts)-1]
	if len(t.GetTypmods()) > 0 {
		text += "(n)"
	}
	if len(t.GetArrayBounds()) > 0 || t.GetSetof() {
		text += "[]"
	}
	return text
}
