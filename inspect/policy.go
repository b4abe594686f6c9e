package inspect

import (
	"slices"

	"github.com/watertight-go/watertight/internal/catalog"
)

// Commands that policies tell apart. UPDATE has two sides: the rows that it may
// change, and what it may make of them.
var commands = []string{"SELECT", "INSERT", "UPDATE", "UPDATE CHECK", "DELETE"}

type verdictKey struct {
	role, relation catalog.OID
	command        string
}

// bypasses says why row-level security does not apply to the role in the table,
// "" if it does.
func (m *model) bypasses(role *catalog.Role, r *catalog.Relation) string {
	switch {
	case role == nil:
		return ""
	case role.Super:
		return role.Name + " is a superuser"
	case role.BypassRLS:
		return role.Name + " has BYPASSRLS"
	case !r.RLS:
		return "row-level security is off"
	case !r.Force && m.inherits(role.OID, r.Owner):
		return role.Name + " owns the table, or inherits from its owner, and row-level security is not forced on the owner"
	}
	return ""
}

// command says which rows of the table the role reaches with the command, as
// far as policies decide; grants are not looked at.
func (m *model) command(role *catalog.Role, r *catalog.Relation, command string) result {
	if why := m.bypasses(role, r); why != "" {
		return isOpen("owner", why)
	}
	key := verdictKey{role.OID, r.OID, command}
	if v, ok := m.verdicts[key]; ok {
		return v
	}
	if m.busy[key] {
		return isOpaque("subquery", "its policies refer to each other")
	}
	m.busy[key] = true
	defer delete(m.busy, key)
	v := m.combine(role, r, command)
	m.verdicts[key] = v
	return v
}

func (m *model) combine(role *catalog.Role, r *catalog.Relation, command string) result {
	c := &condition{m: m, rel: r, col: m.tenancy.Column(r), role: role}
	var permissive, restrictive []result
	for _, p := range r.Policies {
		if !m.applies(p, role) {
			continue
		}
		tree, ok := clause(p, command)
		if !ok {
			continue
		}
		v := c.text(tree)
		v = m.constantForRole(v, p, role)
		v.policies = []*catalog.Policy{p}
		if p.Permissive {
			permissive = append(permissive, v)
		} else {
			restrictive = append(restrictive, v)
		}
	}
	if len(permissive) == 0 {
		return isClosed()
	}
	v := or(permissive...)
	if len(permissive) > 1 && v.level > lookup {
		v.policies = worstOf(permissive, v.level)
		v.widened = slices.ContainsFunc(permissive, func(r result) bool { return r.level == pinned || r.level == lookup })
	}
	return and(append([]result{v}, restrictive...)...)
}

// worstOf returns the policies that make a disjunction as bad as it is.
func worstOf(list []result, l level) []*catalog.Policy {
	var out []*catalog.Policy
	for _, r := range list {
		if r.level == l || l == open && r.class == "person" {
			out = append(out, r.policies...)
		}
	}
	return out
}

// constantForRole accepts "tenant = constant" in a policy for named roles: a
// design with a role for a tenant.
func (m *model) constantForRole(v result, p *catalog.Policy, role *catalog.Role) result {
	if v.class != "constant" || slices.Contains(p.Roles, 0) || m.canon != nil || !slices.Contains(p.Roles, role.OID) {
		return v
	}
	for _, r := range m.tenancy.Tables {
		for _, other := range r.Policies {
			if other != p && !slices.Equal(other.Roles, p.Roles) && !slices.Contains(other.Roles, 0) {
				return result{level: pinned, contexts: []source{{user: true}}}
			}
		}
	}
	return v
}

func (m *model) applies(p *catalog.Policy, role *catalog.Role) bool {
	return slices.ContainsFunc(p.Roles, func(o catalog.OID) bool { return o == 0 || m.inherits(role.OID, o) })
}

// clause returns the expression of the policy that decides about the command.
func clause(p *catalog.Policy, command string) (tree string, ok bool) {
	check := p.CheckTree
	if check == "" {
		check = p.UsingTree // what PostgreSQL does for ALL and UPDATE
	}
	switch {
	case command == "SELECT" && (p.Command == "r" || p.Command == "*"),
		command == "DELETE" && (p.Command == "d" || p.Command == "*"),
		command == "UPDATE" && (p.Command == "w" || p.Command == "*"):
		return p.UsingTree, true
	case command == "INSERT" && (p.Command == "a" || p.Command == "*"),
		command == "UPDATE CHECK" && (p.Command == "w" || p.Command == "*"):
		return check, true
	}
	return "", false
}

// allows says whether the grants let the role use the command at all.
func (g *grant) allows(command string) bool {
	switch command {
	case "SELECT":
		return g.Select
	case "INSERT":
		return g.Insert
	case "DELETE":
		return g.Delete
	}
	return g.Update
}

// canonicalContext finds the settings that most policies take the tenant from.
func (m *model) canonicalContext() {
	if m.cfg.TenantSetting != "" {
		m.canon = []string{m.cfg.TenantSetting}
		return
	}
	if m.cfg.Enter != "" {
		b := &body{code: m.cfg.Enter}
		m.textBody(b)
		m.canon = b.sets
		for _, oid := range b.calls {
			if f := m.cat.Function(oid); f != nil {
				m.canon = union(m.canon, m.body(f).sets)
			}
		}
		if len(m.canon) > 0 {
			return
		}
	}
	counts := map[string]int{}
	for _, r := range m.tenancy.Tables {
		for _, s := range m.pinnedBy(r) {
			counts[s]++
		}
	}
	best := ""
	for s, n := range counts {
		if best == "" || n > counts[best] || n == counts[best] && s < best {
			best = s
		}
	}
	if best != "" {
		m.canon = []string{best}
	}
}

// pinnedBy returns the settings that the policies of a table for the
// application compare the tenant with.
func (m *model) pinnedBy(r *catalog.Relation) []string {
	c := &condition{m: m, rel: r, col: m.tenancy.Column(r), role: m.app}
	var out []string
	for _, p := range r.Policies {
		if !m.applies(p, m.app) {
			continue
		}
		for _, tree := range []string{p.UsingTree, p.CheckTree} {
			if tree == "" {
				continue
			}
			if v := c.text(tree); v.level == pinned {
				for _, s := range v.contexts {
					if s.setting != "" {
						out = union(out, []string{s.setting})
					}
				}
			}
		}
	}
	return out
}
