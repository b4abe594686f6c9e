package inspect

import (
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// lookupFacts finds tables that policies read and that the application can
// write so that a policy lets it see more.
func (m *model) lookupFacts(f *facts) {
	for _, r := range m.cat.Relations {
		if !r.IsTable() || len(r.Policies) == 0 {
			continue
		}
		for _, id := range m.identities {
			if id.role.Super || id.role.BypassRLS || !m.may(id.role.OID, r).any() {
				continue
			}
			var tables []catalog.OID
			for _, command := range commands {
				tables = union(tables, m.command(id.role, r, command).lookups)
			}
			for _, oid := range tables {
				if t := m.cat.Relation(oid); t != nil && t.IsTable() && t != r {
					m.lookupWrites(f, r, t, id.role)
				}
			}
		}
	}
}

func (m *model) lookupWrites(f *facts, r, t *catalog.Relation, role *catalog.Role) {
	g := m.may(role.OID, t)
	for _, command := range []string{"INSERT", "UPDATE", "UPDATE CHECK"} {
		if !g.allows(command) {
			continue
		}
		cols := g.InsertColumns
		if command != "INSERT" {
			cols = g.UpdateColumns
		}
		used := m.columnsUsed(r, t)
		hit := ""
		for _, num := range cols {
			if col := t.Column(num); col != nil && (len(used) == 0 || slices.Contains(used, num)) {
				hit = col.Name
				if col == m.tenancy.Column(t) {
					break
				}
			}
		}
		if hit == "" {
			continue
		}
		v := m.command(role, t, command)
		f.Lookups = append(f.Lookups, lookupFact{r.OID, t.OID, role.OID, role.Name, command, v.level.String(), v.reason, hit})
	}
}

// columnsUsed returns the columns of t that the policies of r read, none if
// that cannot be told.
func (m *model) columnsUsed(r, t *catalog.Relation) []int16 {
	var out []int16
	for _, p := range r.Policies {
		for _, text := range []string{p.UsingTree, p.CheckTree} {
			tree, err := catalog.ParseNode(text)
			if err != nil {
				return nil
			}
			tree.Walk(func(n *catalog.Node) bool {
				if n.Tag != "QUERY" {
					return true
				}
				for i, rte := range n.List("rtable") {
					if rte.OID("relid") != t.OID {
						continue
					}
					n.Walk(func(v *catalog.Node) bool {
						if v.Tag == "VAR" && v.Int("varno") == i+1 && v.Int("varlevelsup") == 0 {
							out = union(out, []int16{int16(v.Int("varattno"))})
						}
						return true
					})
				}
				return true
			})
		}
	}
	if len(out) == 0 {
		return m.namedIn(r, t)
	}
	return out
}

// namedIn returns the columns of t that functions name which the policies of r
// call and which name t.
func (m *model) namedIn(r, t *catalog.Relation) []int16 {
	var out []int16
	for _, fn := range m.policyFunctions() {
		f := m.cat.Function(fn)
		b := m.body(f)
		if !slices.Contains(b.reads, t.OID) && !slices.Contains(b.kept, t.OID) || f.Tree != "" {
			continue
		}
		words := reIdent.FindAllString(plainText(b.code, true), -1)
		for _, col := range t.Columns {
			if slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(strings.Trim(w, `"`), col.Name) }) {
				out = union(out, []int16{col.Num})
			}
		}
	}
	return out
}

// secretFacts finds policies that pass a constant to a cryptographic function.
func (m *model) secretFacts(f *facts) {
	for _, r := range m.cat.Relations {
		for _, p := range r.Policies {
			if m.holdsKey(p.UsingTree) || m.holdsKey(p.CheckTree) {
				f.Secrets = append(f.Secrets, secretFact{r.OID, p.Name})
			}
		}
	}
}

func (m *model) holdsKey(text string) bool {
	tree, err := catalog.ParseNode(text)
	if err != nil {
		return false
	}
	found := false
	tree.Walk(func(n *catalog.Node) bool {
		name := m.builtins[n.OID("funcid")].name
		if f := m.cat.Function(n.OID("funcid")); f != nil {
			name = f.FuncName
		}
		if n.Tag == "FUNCEXPR" && slices.Contains([]string{"hmac", "sha256", "digest", "crypt", "pgp_sym_encrypt", "pgp_sym_decrypt", "encrypt", "decrypt"}, name) {
			n.Walk(func(c *catalog.Node) bool {
				found = found || c.Tag == "CONST" && len(constText(c)) >= 12
				return !found
			})
		}
		return !found
	})
	return found
}
