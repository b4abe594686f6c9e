package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoTenantTable says that no table has a tenant column.
var ErrNoTenantTable = errors.New("no table has a tenant column")

// A Tenancy says which tables belong to tenants.
type Tenancy struct {
	// Names are the names of the tenant columns, most used first.
	Names []string

	// Assumed says how Names were found, empty if the caller gave them.
	Assumed string

	// Tables are the tables, partitions included, whose rows belong to a tenant.
	Tables []*Relation

	// Directories are the tables of the tenants themselves, a row for a tenant.
	Directories []*Relation

	columns map[OID]*Column
}

// Column returns the column that says whose a row of the relation is: of a
// table of Tables the tenant column, of one of Directories its key, of a view
// or a foreign table the column that is named like a tenant column. It returns
// nil for every other relation.
func (t *Tenancy) Column(r *Relation) *Column { return t.columns[r.OID] }

// IsDirectory says whether the relation lists the tenants.
func (t *Tenancy) IsDirectory(r *Relation) bool { return slices.Contains(t.Directories, r) }

// Tenancy finds the tenant tables: those with a column of one of the names,
// those with a foreign key of one column to the same table of tenants, and those
// with a composite one that pairs a column with a parent's tenant column.
//
// Without names it takes the well-known ones (tenant_id, organization_id, …)
// and of these those that policies compare, else the column that policies
// compare most. It returns ErrNoTenantTable if there is nothing to go by.
func (c *Catalog) Tenancy(names []string) (*Tenancy, error) {
	t := &Tenancy{Names: names, columns: map[OID]*Column{}}
	if len(names) == 0 {
		t.Names, t.Assumed = c.guessNames()
	}
	for _, r := range c.Relations {
		if r.Extension {
			continue
		}
		for _, name := range t.Names {
			if col := r.ColumnNamed(name); col != nil && tenantType(col) {
				t.columns[r.OID] = col
				break
			}
		}
	}
	c.findDirectories(t)
	c.followForeignKeys(t)
	for _, r := range c.Relations {
		if r.IsTable() && t.columns[r.OID] != nil && !t.IsDirectory(r) {
			t.Tables = append(t.Tables, r)
		}
	}
	if len(t.Tables) == 0 {
		if len(names) > 0 {
			return nil, fmt.Errorf("%w named %s", ErrNoTenantTable, strings.Join(names, " or "))
		}
		return nil, ErrNoTenantTable
	}
	return t, nil
}

// findDirectories finds the tables that tenant columns refer to, and those that
// are named like them.
func (c *Catalog) findDirectories(t *Tenancy) {
	add := func(r *Relation, col *Column) {
		if r == nil || col == nil || !r.IsTable() || r.Extension || t.IsDirectory(r) {
			return
		}
		t.Directories = append(t.Directories, r)
		t.columns[r.OID] = col
	}
	for _, r := range c.Relations {
		col := t.columns[r.OID]
		if col == nil || !r.IsTable() {
			continue
		}
		// A table whose whole key is the tenant has a row for a tenant. It is the
		// directory only if others refer to it; else it holds settings of each.
		for _, k := range r.Constraints {
			if k.Type == "f" && len(k.Columns) == 1 && k.Columns[0] == col.Num && k.References != r.OID {
				if p := c.Relation(k.References); p != nil && slices.Equal(p.PrimaryKey(), k.ReferencedColumns) && !c.refersOn(p, t) {
					add(p, p.Column(k.ReferencedColumns[0]))
				}
			}
		}
	}
	if len(t.Directories) > 0 {
		return
	}
	for _, r := range c.Relations {
		if key := r.PrimaryKey(); len(key) == 1 && t.columns[r.OID] == nil && namesTenants(r.RelName, t.Names) {
			add(r, r.Column(key[0]))
		}
	}
}

// refersOn says whether the table's own tenant column refers to yet another
// table: then that one is the directory.
func (c *Catalog) refersOn(r *Relation, t *Tenancy) bool {
	col := t.columns[r.OID]
	if col == nil {
		return false
	}
	for _, k := range r.Constraints {
		if k.Type == "f" && len(k.Columns) == 1 && k.Columns[0] == col.Num && k.References != r.OID {
			return true
		}
	}
	return false
}

// followForeignKeys finds tenant columns of other names: a foreign key of one
// column to a directory.
func (c *Catalog) followForeignKeys(t *Tenancy) {
	for _, r := range c.Relations {
		if !r.IsTable() || t.columns[r.OID] != nil || r.Extension {
			continue
		}
		var found []*Column
		for _, k := range r.Constraints {
			if k.Type == "f" && len(k.Columns) == 1 && slices.ContainsFunc(t.Directories, func(d *Relation) bool { return d.OID == k.References }) {
				found = append(found, r.Column(k.Columns[0]))
			}
		}
		if len(found) == 0 {
			found = c.otherNames(t, r)
		}
		// Two such columns (from, to) say nothing about whose the row is.
		if len(found) == 1 {
			t.columns[r.OID] = found[0]
		}
	}
	// A partition or child has the columns of its parent.
	for _, r := range c.Relations {
		if !r.IsTable() || t.columns[r.OID] != nil {
			continue
		}
		for _, p := range c.Ancestors(r) {
			if col := t.columns[p.OID]; col != nil && !t.IsDirectory(p) {
				t.columns[r.OID] = r.ColumnNamed(col.Name)
			}
		}
	}
}

// otherNames returns the columns that a composite foreign key pairs with the
// tenant column of its parent, and, where names were guessed, those whose name
// ends like the guess: owner_tenant_id.
func (c *Catalog) otherNames(t *Tenancy, r *Relation) []*Column {
	var found []*Column
	add := func(col *Column) {
		if col != nil && !slices.Contains(found, col) {
			found = append(found, col)
		}
	}
	for _, k := range r.Constraints {
		p := c.Relation(k.References)
		if k.Type != "f" || len(k.Columns) < 2 || p == nil || t.columns[p.OID] == nil || t.IsDirectory(p) {
			continue
		}
		for i, num := range k.ReferencedColumns {
			if num == t.columns[p.OID].Num {
				add(r.Column(k.Columns[i]))
			}
		}
	}
	if len(found) > 0 || t.Assumed == "" {
		return found
	}
	for _, col := range r.Columns {
		if tenantType(col) && slices.ContainsFunc(t.Names, func(n string) bool { return strings.HasSuffix(normalName(col.Name), normalName(n)) }) {
			add(col)
		}
	}
	return found
}

// wellKnown are names of tenant columns without case and underscores, the
// surest first.
var wellKnown = []string{
	"tenantid", "tenant", "tenantuuid", "tenantkey", "tenantcode", "tenantslug",
	"organizationid", "organisationid", "orgid", "organizationuuid", "organization", "organisation", "org",
	"companyid", "company", "workspaceid", "accountid", "customerid", "clientid", "teamid",
	"businessid", "merchantid", "storeid", "shopid", "firmid", "clinicid", "practiceid",
	"schoolid", "siteid", "agencyid", "vendorid", "groupid", "propertyid", "realmid", "projectid",
}

func normalName(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }

// guessNames chooses the tenant columns' names and says why these.
func (c *Catalog) guessNames() (names []string, why string) {
	compared, present := map[string]int{}, map[string]int{}
	for _, r := range c.Relations {
		if !r.IsTable() || r.Extension {
			continue
		}
		for _, col := range r.Columns {
			if tenantType(col) {
				present[col.Name]++
			}
		}
		for name := range comparedColumns(r) {
			compared[name]++
		}
	}
	var known []string
	for name := range present {
		if slices.Contains(wellKnown, normalName(name)) {
			known = append(known, name)
		}
	}
	rank := func(name string) int {
		if i := slices.Index(wellKnown, normalName(name)); i >= 0 {
			return i
		}
		return len(wellKnown)
	}
	sortNames := func(list []string, by map[string]int) {
		slices.SortFunc(list, func(a, b string) int {
			if d := by[b] - by[a]; d != 0 {
				return d
			}
			if d := rank(a) - rank(b); d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
	}
	used := slices.DeleteFunc(slices.Clone(known), func(n string) bool { return compared[n] == 0 && !strings.HasPrefix(normalName(n), "tenant") })
	sortNames(used, compared)
	if len(used) > 0 {
		return used, "well-known name"
	}
	if len(known) > 0 {
		slices.SortFunc(known, func(a, b string) int {
			if d := rank(a) - rank(b); d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
		return known[:1], "well-known name"
	}
	var other []string
	for name := range compared {
		if !personal(name) {
			other = append(other, name)
		}
	}
	sortNames(other, compared)
	if len(other) > 0 {
		return other[:1], "the column that policies compare"
	}
	return nil, ""
}

// personal names columns that say which person, not which customer.
func personal(name string) bool {
	return slices.Contains([]string{"id", "userid", "ownerid", "authorid", "createdby", "memberid", "email", "role", "status"}, normalName(name))
}

// comparedColumns returns the names of the columns that the policies of a table
// compare with something that is not of the row.
func comparedColumns(r *Relation) map[string]bool {
	out := map[string]bool{}
	for _, p := range r.Policies {
		for _, text := range []string{p.UsingTree, p.CheckTree} {
			tree, err := ParseNode(text)
			if err != nil {
				continue
			}
			tree.Walk(func(n *Node) bool {
				if n.Tag == "SUBLINK" && n.Child("testexpr") != nil {
					if v := rowVar(n.Child("testexpr")); v > 0 {
						if col := r.Column(v); col != nil {
							out[col.Name] = true
						}
					}
				}
				if n.Tag == "SUBLINK" {
					return false
				}
				if args := n.List("args"); n.Tag == "OPEXPR" && len(args) == 2 {
					a, b := rowVar(args[0]), rowVar(args[1])
					if v := max(a, b); v > 0 && min(a, b) == 0 {
						if col := r.Column(v); col != nil {
							out[col.Name] = true
						}
					}
				}
				return true
			})
		}
	}
	return out
}

// rowVar returns the number of a column of the row that an expression contains,
// 0 if it contains none.
func rowVar(n *Node) int16 {
	var found int16
	n.Walk(func(n *Node) bool {
		if n.Tag == "VAR" && n.Int("varlevelsup") == 0 && n.Int("varattno") > 0 {
			found = int16(n.Int("varattno"))
		}
		return n.Tag != "SUBLINK"
	})
	return found
}

// tenantType says whether a column can hold a tenant's identifier.
func tenantType(c *Column) bool {
	switch c.BaseType {
	case "boolean", "date", "json", "jsonb", "bytea", "timestamp with time zone", "timestamp without time zone", "interval", "xml":
		return false
	}
	return true
}

// namesTenants says whether a table's name is a tenant column's without its
// "id", in the singular or plural.
func namesTenants(table string, columns []string) bool {
	name := normalName(table)
	for _, column := range columns {
		stem := strings.TrimSuffix(strings.TrimSuffix(normalName(column), "uuid"), "id")
		if stem == "" {
			continue
		}
		for _, form := range []string{stem, stem + "s", strings.TrimSuffix(stem, "y") + "ies"} {
			if name == form {
				return true
			}
		}
	}
	return slices.Contains([]string{"tenant", "tenants"}, name)
}
