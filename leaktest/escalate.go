package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// escalations write into the tables that the policies read, and look whether
// the tenant then sees more.
func (h *whole) escalations(ctx context.Context) error {
	trusted, err := h.trustedTables(ctx)
	if err != nil {
		return err
	}
	if len(trusted) == 0 {
		return nil
	}
	before, err := h.sees(ctx, "")
	if err != nil {
		return err
	}
	for _, t := range trusted {
		for _, sql := range h.escalationWrites(ctx, t) {
			seen, err := h.escalate(ctx, sql, before)
			if err != nil {
				return err
			}
			if seen != "" {
				h.cell(t.rel, "table", "escalation", Leaked, "", seen)
				h.find(ruleEscalation, Error, shownName(t.rel), "table "+shownName(t.rel), "the policies read the table and a tenant can write it: then it sees another tenant's rows in "+seen)
				break
			}
		}
	}
	return nil
}

// trustedTables are those that policies depend on, or that functions called by
// policies name, and that the application may write.
func (h *whole) trustedTables(ctx context.Context) ([]*table, error) {
	rows, err := h.query(ctx, `
select distinct d.refobjid::text from pg_catalog.pg_depend d join pg_catalog.pg_policy p on p.oid = d.objid
where d.classid = 'pg_catalog.pg_policy'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> p.polrelid`)
	if err != nil {
		return nil, err
	}
	var out []*table
	add := func(t *table) {
		if t != nil && t.rel.IsTable() && (t.canInsert() || t.canUpdate()) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	for _, r := range rows {
		for oid, t := range h.w.byOID {
			if fmt.Sprint(oid) == r[0] {
				add(t)
			}
		}
	}
	for _, r := range h.w.cat.Relations {
		texts := h.w.policyTexts(r)
		for _, body := range texts {
			words := map[string]bool{}
			for _, tok := range scanSQL(body) {
				if tok.kind == tokenWord {
					words[tok.value()] = true
				}
			}
			for _, t := range h.w.byOID {
				if t.rel.OID != r.OID && words[t.rel.RelName] {
					add(t)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b *table) int { return strings.Compare(a.name(), b.name()) })
	return out, nil
}

// escalationWrites set every column that may hold a tenant to the other one, in
// rows that the tenant can reach and in new ones.
func (h *whole) escalationWrites(ctx context.Context, t *table) []string {
	victim, me := h.w.tenants[1], h.w.tenants[0]
	var out []string
	for _, c := range t.rel.Columns {
		if c.Generated != "" || c.Identity == "a" || !(t.updates || t.updCols[c.Num]) || !t.canUpdate() {
			continue
		}
		if h.holdsTenant(c) {
			out = append(out, fmt.Sprintf("update %s set %s = %s", t.name(), quoteName(c.Name), quoteText(victim.id)))
		}
		if c.BaseType == "boolean" {
			out = append(out, fmt.Sprintf("update %s set %s = true", t.name(), quoteName(c.Name)))
		}
		if typ := h.w.types[c.BaseOID]; typ != nil && (isText(typ) || typ.Kind == "e") && !h.holdsTenant(c) {
			for _, v := range []string{"admin", "owner", "superadmin", "*"} {
				if typ.Kind != "e" || slices.Contains(typ.Labels, v) {
					out = append(out, fmt.Sprintf("update %s set %s = %s", t.name(), quoteName(c.Name), quoteText(v)))
				}
			}
		}
	}
	if t.canInsert() && !slices.ContainsFunc(t.rel.Columns, func(c *catalog.Column) bool { return c.TypeKind == "c" }) {
		out = append(out, h.escalationInserts(t, me, victim)...)
	}
	return out
}

// holdsTenant says whether a column may hold a tenant's identifier.
func (h *whole) holdsTenant(c *catalog.Column) bool {
	kind, _ := h.w.tenantKind()
	switch c.BaseType {
	case "uuid":
		return kind == "uuid"
	case "smallint", "integer", "bigint":
		return kind == "int" || kind == "smallint"
	case "text", "character varying", "character":
		return kind == "text" || likeTenant(c.Name, h.w.ten.Names)
	}
	return false
}

// escalationInserts repeat a row of the tenant with the other tenant in it.
func (h *whole) escalationInserts(t *table, me, victim *tenant) []string {
	var base *row
	for _, r := range t.rows {
		if r.tenant == me || r.tenant == nil && base == nil {
			base = r
		}
	}
	key := t.rel.PrimaryKey()
	values := map[string]value{}
	for _, c := range t.rel.Columns {
		if c.Generated != "" || c.Identity != "" || c.Default != "" && slices.Contains(key, c.Num) {
			continue
		}
		if !t.inserts && !t.insertCols[c.Num] {
			continue
		}
		if base != nil {
			values[c.Name], _ = base.value(c.Name)
		}
		if n := normal(c.Name); n == "userid" || n == "memberid" {
			values[c.Name] = text(me.user)
		}
	}
	var out []string
	for _, c := range t.rel.Columns {
		if _, ok := values[c.Name]; ok && h.holdsTenant(c) && (likeTenant(c.Name, h.w.ten.Names) || c == t.column) {
			values[c.Name] = text(victim.id)
			out = append(out, insertSQL(t, values, "", ""))
		}
	}
	return out
}

// escalate writes as the tenant, and names the table in which it then sees rows
// of the other tenant that it did not see before.
func (h *whole) escalate(ctx context.Context, sql string, before map[string]int) (string, error) {
	after, err := h.sees(ctx, sql)
	if err != nil {
		return "", err
	}
	for name, n := range after {
		if n > before[name] {
			return name, nil
		}
	}
	return "", nil
}

// maxLooks bounds in how many tables an escalation is looked for.
const maxLooks = 25

// sees counts the rows of other tenants that the first one sees after a write.
func (h *whole) sees(ctx context.Context, sql string) (map[string]int, error) {
	out := map[string]int{}
	err := h.as(ctx, h.w.tenants[0], func() error {
		if sql != "" {
			if o, err := h.run(ctx, sql); err != nil || o.err != nil {
				return err
			}
		}
		looks := 0
		for _, t := range h.w.tables {
			if t.class == shared || t.column == nil || !t.usage || !t.selectCols[t.column.Num] || !t.rowSecurity || looks >= maxLooks {
				continue
			}
			looks++
			o, err := h.try(ctx, fmt.Sprintf("select 1 from %s t where t.%s = %s", t.name(), quoteName(t.column.Name), quoteText(h.w.tenants[1].id)))
			if err != nil {
				return err
			}
			out[shownName(t.rel)] = len(o.rows)
		}
		return nil
	})
	return out, err
}
