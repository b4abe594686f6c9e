package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/internal/catalog"
)

// findApp finds the role of the application.
func (m *model) findApp(ctx context.Context, tx pgx.Tx) error {
	if m.cfg.AppRole != "" {
		if m.app = m.cat.RoleNamed(m.cfg.AppRole); m.app == nil {
			return fmt.Errorf("there is no role %q (name the application's role with --app-role)", m.cfg.AppRole)
		}
		return nil
	}
	var me string
	if err := tx.QueryRow(ctx, "select session_user::text").Scan(&me); err != nil {
		return fmt.Errorf("read who is connected: %w", err)
	}
	counts, err := m.countGrants(ctx, tx)
	if err != nil {
		return err
	}
	self := m.cat.RoleNamed(me)
	// An owner without grants migrates; if others have grants, it is not the application.
	if self != nil && ordinary(self) && (counts[self.OID] > 0 || len(counts) == 0) {
		m.app = self
		m.assumed = append(m.assumed, fmt.Sprintf("the application connects as %s, as this connection does", me))
		return nil
	}
	var candidates []*catalog.Role
	for _, r := range m.cat.Roles {
		if counts[r.OID] > 0 && !strings.HasPrefix(r.Name, "pg_") {
			candidates = append(candidates, r)
		}
	}
	if len(candidates) == 0 {
		if self != nil && !self.Super {
			m.app = self
			m.assumed = append(m.assumed, fmt.Sprintf("the application connects as %s, as this connection does", me))
			return nil
		}
		return fmt.Errorf("no role but the owner has a grant on a tenant table (name the application's role with --app-role)")
	}
	slices.SortStableFunc(candidates, func(a, b *catalog.Role) int { return appScore(b, counts) - appScore(a, counts) })
	m.app = candidates[0]
	m.assumed = append(m.assumed, fmt.Sprintf("the application's role is %s, which has grants on %d tenant tables", m.app.Name, counts[m.app.OID]))
	return nil
}

// appScore orders candidates: those that can log in and are no administrators,
// then those with the most grants, then those that are named like one.
func appScore(r *catalog.Role, counts map[catalog.OID]int) int {
	score := 10 * counts[r.OID]
	if r.Login {
		score += 3
	}
	if ordinary(r) {
		score += 2
	}
	name := strings.ToLower(r.Name)
	for _, hint := range []string{"app", "web", "api", "service", "tenant", "user", "authenticated"} {
		if strings.Contains(name, hint) {
			return score + 15
		}
	}
	return score
}

func ordinary(r *catalog.Role) bool {
	return !r.Super && !r.BypassRLS && !r.CreateRole && !r.Replication
}

// countGrants counts the tenant tables and views on which a role, or one that
// it inherits from, has a grant or that have a policy for it. Owners do not
// count: every owner has all rights.
func (m *model) countGrants(ctx context.Context, tx pgx.Tx) (map[catalog.OID]int, error) {
	var tables []catalog.OID
	for _, r := range m.tenancy.Tables {
		tables = append(tables, r.OID)
	}
	rows, err := tx.Query(ctx, `
select r.oid, count(distinct c.oid)
from pg_catalog.pg_class c
cross join pg_catalog.pg_roles r
where c.oid = any ($1::oid[]) and not r.rolsuper and not r.oid = c.relowner
  and (exists (select from pg_catalog.aclexplode(c.relacl) a where a.grantee <> c.relowner and a.grantee <> 0 and pg_catalog.pg_has_role(r.oid, a.grantee, 'MEMBER'))
    or exists (select from pg_catalog.pg_attribute t, pg_catalog.aclexplode(t.attacl) a
               where t.attrelid = c.oid and t.attacl is not null and a.grantee not in (c.relowner, 0) and pg_catalog.pg_has_role(r.oid, a.grantee, 'MEMBER'))
    or exists (select from pg_catalog.pg_policy p, unnest(p.polroles) as o(oid) where p.polrelid = c.oid and o.oid <> 0 and o.oid <> c.relowner and pg_catalog.pg_has_role(r.oid, o.oid, 'MEMBER')))
group by r.oid
union all
-- A superuser is a member of every role: only what it was granted itself counts.
select r.oid, count(distinct c.oid)
from pg_catalog.pg_class c cross join lateral pg_catalog.aclexplode(c.relacl) a join pg_catalog.pg_roles r on r.oid = a.grantee
where c.oid = any ($1::oid[]) and r.rolsuper and r.oid <> c.relowner
group by r.oid`, tables)
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	counts := map[catalog.OID]int{}
	var (
		oid catalog.OID
		n   int
	)
	if _, err := pgx.ForEachRow(rows, []any{&oid, &n}, func() error { counts[oid] = n; return nil }); err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	return counts, nil
}

// memberships says which roles act for which others.
type memberships struct {
	usage map[[2]catalog.OID]bool // has the other's rights without SET ROLE
	set   map[[2]catalog.OID]bool // can SET ROLE to the other
	admin map[[2]catalog.OID]bool // can grant itself the other
}

func (m *model) readMemberships(ctx context.Context, tx pgx.Tx) error {
	m.memberships = memberships{usage: map[[2]catalog.OID]bool{}, set: map[[2]catalog.OID]bool{}, admin: map[[2]catalog.OID]bool{}}
	set := "MEMBER"
	if m.cat.Version >= 160000 {
		set = "SET"
	}
	rows, err := tx.Query(ctx, `
select a.oid, b.oid, pg_catalog.pg_has_role(a.oid, b.oid, 'USAGE'), pg_catalog.pg_has_role(a.oid, b.oid, '`+set+`'),
  pg_catalog.pg_has_role(a.oid, b.oid, 'MEMBER WITH ADMIN OPTION')
from pg_catalog.pg_roles a join pg_catalog.pg_roles b on a.oid <> b.oid
where not a.rolsuper and (exists (select from pg_catalog.pg_auth_members m where m.member = a.oid)
    or b.rolname = 'pg_database_owner')
  and pg_catalog.pg_has_role(a.oid, b.oid, 'MEMBER')`)
	if err != nil {
		return fmt.Errorf("read role memberships: %w", err)
	}
	var (
		a, b              catalog.OID
		usage, can, admin bool
	)
	if _, err := pgx.ForEachRow(rows, []any{&a, &b, &usage, &can, &admin}, func() error {
		pair := [2]catalog.OID{a, b}
		m.usage[pair], m.set[pair], m.admin[pair] = usage, can, admin
		return nil
	}); err != nil {
		return fmt.Errorf("read role memberships: %w", err)
	}
	return nil
}

// inherits says whether role has the rights of other at every moment.
func (m *model) inherits(role, other catalog.OID) bool {
	return role == other || m.usage[[2]catalog.OID{role, other}]
}

// findIdentities finds the roles that the application can act as: SQL that
// reached its connection can say SET ROLE, or set_config('role', …) inside a
// SELECT, and can grant itself what it administers.
func (m *model) findIdentities() {
	m.identities = []identity{{role: m.app, via: "it is the application's role"}}
	if m.app.Super {
		return // it is everyone; the rule about superusers says so
	}
	for i := 0; i < len(m.identities); i++ {
		from := m.identities[i].role
		for _, r := range m.cat.Roles {
			pair := [2]catalog.OID{from.OID, r.OID}
			if !m.set[pair] && !m.admin[pair] || m.isIdentity(r.OID) || r.Name == "pg_database_owner" {
				continue
			}
			via := fmt.Sprintf("%s can SET ROLE to it", from.Name)
			if !m.set[pair] {
				via = fmt.Sprintf("%s can grant it to itself", from.Name)
			}
			m.identities = append(m.identities, identity{role: r, via: via})
		}
	}
}

func (m *model) isIdentity(role catalog.OID) bool {
	return slices.ContainsFunc(m.identities, func(i identity) bool { return i.role.OID == role })
}

type grantKey struct{ role, relation catalog.OID }

// A grant is what a role may do with a relation. Rights on some columns count.
type grant struct {
	Select, Insert, Update, Delete, Truncate, References, Trigger bool

	InsertColumns, UpdateColumns []int16
}

func (g *grant) any() bool { return g != nil && (g.Select || g.Insert || g.Update || g.Delete) }

// readGrants asks the server what each identity may do: it knows about PUBLIC,
// groups, predefined roles and superusers.
func (m *model) readGrants(ctx context.Context, tx pgx.Tx) error {
	var roles, relations []catalog.OID
	for _, i := range m.identities {
		roles = append(roles, i.role.OID)
	}
	for _, r := range m.cat.Relations {
		relations = append(relations, r.OID)
	}
	rows, err := tx.Query(ctx, `
select r.oid, c.oid,
  pg_catalog.has_any_column_privilege(r.oid, c.oid, 'SELECT'), pg_catalog.has_any_column_privilege(r.oid, c.oid, 'INSERT'),
  pg_catalog.has_any_column_privilege(r.oid, c.oid, 'UPDATE'), pg_catalog.has_table_privilege(r.oid, c.oid, 'DELETE'),
  pg_catalog.has_table_privilege(r.oid, c.oid, 'TRUNCATE'), pg_catalog.has_any_column_privilege(r.oid, c.oid, 'REFERENCES'),
  pg_catalog.has_table_privilege(r.oid, c.oid, 'TRIGGER'),
  array(select a.attnum from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    and pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'INSERT')),
  array(select a.attnum from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    and pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'UPDATE'))
from unnest($1::oid[]) as r(oid) cross join pg_catalog.pg_class c
where c.oid = any ($2::oid[]) and pg_catalog.has_schema_privilege(r.oid, c.relnamespace, 'USAGE')`, roles, relations)
	if err != nil {
		return fmt.Errorf("read grants: %w", err)
	}
	m.grants = map[grantKey]*grant{}
	var (
		key grantKey
		g   grant
	)
	if _, err := pgx.ForEachRow(rows, []any{
		&key.role, &key.relation, &g.Select, &g.Insert, &g.Update, &g.Delete,
		&g.Truncate, &g.References, &g.Trigger, &g.InsertColumns, &g.UpdateColumns,
	}, func() error {
		entry := g
		entry.InsertColumns, entry.UpdateColumns = slices.Clone(g.InsertColumns), slices.Clone(g.UpdateColumns)
		m.grants[key] = &entry
		return nil
	}); err != nil {
		return fmt.Errorf("read grants: %w", err)
	}
	return nil
}

// may returns what the role may do with the relation, never nil.
func (m *model) may(role catalog.OID, r *catalog.Relation) *grant {
	if g := m.grants[grantKey{role, r.OID}]; g != nil {
		return g
	}
	return &grant{}
}

// readCallable finds, for each function, an identity that may call it.
func (m *model) readCallable(ctx context.Context, tx pgx.Tx) error {
	var roles []catalog.OID
	for _, i := range m.identities {
		roles = append(roles, i.role.OID)
	}
	rows, err := tx.Query(ctx, `
select p.oid, r.rolname::text
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join unnest($1::oid[]) with ordinality as i(oid, pos) on true
join pg_catalog.pg_roles r on r.oid = i.oid
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and pg_catalog.has_function_privilege(i.oid, p.oid, 'EXECUTE') and pg_catalog.has_schema_privilege(i.oid, n.oid, 'USAGE')
order by i.pos desc`, roles)
	if err != nil {
		return fmt.Errorf("read who may call functions: %w", err)
	}
	m.callable = map[catalog.OID]string{}
	var (
		oid  catalog.OID
		name string
	)
	if _, err := pgx.ForEachRow(rows, []any{&oid, &name}, func() error { m.callable[oid] = name; return nil }); err != nil {
		return fmt.Errorf("read who may call functions: %w", err)
	}
	return nil
}
