package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A setting is which of the locks are on while a query runs.
type setting struct {
	lock    string
	super   bool // row-level security off: the query alone
	stripit bool // the tenant clauses out: the database alone
}

var settings = []setting{
	{lock: "all"},
	{lock: "query", super: true},
	{lock: "database", stripit: true},
}

// A probe is one run of a query.
type probe struct {
	query   *Query
	setting setting
	sql     string
	bound   []string
	mine    bool // with the tenant's own values
	with    answer
	again   answer
	without answer
}

// queryAttack runs queries with the rows of others and without them.
type queryAttack struct {
	*whole
	probes []*probe
	rows   map[*table]map[string]value // that an INSERT may make
}

// attackQueries attacks the queries in one session.
func (h *whole) attackQueries(ctx context.Context, list []Query) error {
	a := &queryAttack{whole: h, rows: map[*table]map[string]value{}}
	for i := range list {
		q := &list[i]
		if q.Waived != "" {
			h.report.Waived++
			continue
		}
		if err := a.plan(ctx, q); err != nil {
			return err
		}
	}
	for _, p := range a.probes {
		var err error
		if p.with, err = a.execute(ctx, p, true); err != nil {
			return err
		}
		if p.again, err = a.execute(ctx, p, false); err != nil {
			return err
		}
	}
	err := h.scope(ctx, func() error {
		if err := h.removeOthers(ctx); err != nil {
			return err
		}
		for _, p := range a.probes {
			var err error
			if p.without, err = a.execute(ctx, p, false); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.judge(list)
	return nil
}

// plan binds a query to the values of both tenants.
func (a *queryAttack) plan(ctx context.Context, q *Query) error {
	types, why, err := a.parameterTypes(ctx, q)
	if err != nil {
		return err
	}
	if why != "" {
		a.unprovedQuery(q, "the server does not take it: "+why)
		return nil
	}
	tenantParam := q.tenantParameter(a.w.ten.Names)
	columns := a.w.allTenantColumns()
	for _, mix := range []string{"mine", "theirs", "mixed", "mine again"} {
		values, bound, err := a.values(ctx, q, types, tenantParam, mix)
		if err != nil {
			return err
		}
		bare := q.bind(values)
		for _, s := range settings {
			sql := bare
			if s.stripit {
				var ok bool
				if sql, ok = strip(bare, columns); !ok {
					continue
				}
			}
			a.probes = append(a.probes, &probe{query: q, setting: s, sql: sql, bound: bound, mine: strings.HasPrefix(mix, "mine")})
		}
		if len(types) == 0 {
			break
		}
	}
	return nil
}

// allTenantColumns are the names under which tables carry the tenant.
func (w *world) allTenantColumns() []string {
	names := slices.Clone(w.ten.Names)
	for _, t := range w.tables {
		if t.column != nil && t.class == direct && !slices.Contains(names, t.column.Name) {
			names = append(names, t.column.Name)
		}
	}
	return names
}

// parameterTypes asks the server.
func (a *queryAttack) parameterTypes(ctx context.Context, q *Query) (types []catalog.OID, why string, err error) {
	err = a.scope(ctx, func() error {
		d, err := a.conn.Prepare(ctx, "", q.SQL)
		if err != nil {
			var o outcome
			if o, err = a.failed(ctx, err); err == nil {
				why = o.err.Message
			}
			return err
		}
		types = d.ParamOIDs
		return nil
	})
	return types, why, err
}

// values chooses what stands for each parameter.
func (a *queryAttack) values(ctx context.Context, q *Query, types []catalog.OID, tenantParam int, mix string) (literals, bound []string, err error) {
	uses := q.uses()
	mentioned := a.mentioned(q)
	for i, oid := range types {
		n := i + 1
		whose := a.w.tenants[0]
		if mix == "theirs" || mix == "mixed" && n%2 == 0 {
			whose = a.w.tenants[1]
		}
		v := null
		u := uses[n]
		if u.column == "" && i < len(q.names) {
			u.column = q.names[i]
		}
		switch {
		case n == tenantParam:
			v = text(a.w.tenants[0].id)
		case u.insert:
			v, err = a.insertValue(ctx, mentioned, u.column, whose)
		default:
			v = a.columnValue(mentioned, oid, u.column, whose, strings.HasSuffix(mix, "again"))
		}
		if err != nil {
			return nil, nil, err
		}
		if !v.null {
			bound = append(bound, v.text)
		}
		literals = append(literals, "cast("+v.sql()+" as "+a.typeName(oid)+")")
	}
	return literals, bound, nil
}

// mentioned returns the tables that a query names.
func (a *queryAttack) mentioned(q *Query) []*table {
	words := map[string]bool{}
	for _, t := range scanSQL(q.SQL) {
		if t.kind == tokenWord {
			words[t.value()] = true
		}
	}
	var out []*table
	for _, t := range a.w.tables {
		if words[t.rel.RelName] {
			out = append(out, t)
		}
	}
	return out
}

// insertValue is that of a row which the tenant could insert; references may
// point to the other tenant.
func (a *queryAttack) insertValue(ctx context.Context, tables []*table, column string, whose *tenant) (value, error) {
	for _, t := range tables {
		c := t.rel.ColumnNamed(column)
		if c == nil || t.class == shared {
			continue
		}
		if whose == a.w.tenants[1] && t.refers(c) {
			return a.columnValue([]*table{t}, c.TypeOID, column, whose, false), nil
		}
		if a.rows[t] == nil {
			made := &attacker{session: a.session, t: t, me: a.w.tenants[0], victim: a.w.tenants[1]}
			made.seeder = a.w.newSeeder(a.session)
			values, _, err := made.fresh(ctx, a.w.tenants[0])
			if err != nil {
				return null, err
			}
			a.rows[t] = values
		}
		if v, ok := a.rows[t][column]; ok {
			return v, nil
		}
		if v, ok := (maker{w: a.w, label: "wt", n: 77}).base(c.TypeOID, c.Type, c.Name); ok {
			return text(v), nil
		}
	}
	return null, nil
}

// refers says whether a column is part of a foreign key.
func (t *table) refers(c *catalog.Column) bool {
	return slices.ContainsFunc(t.rel.Constraints, func(k *catalog.Constraint) bool { return k.Type == "f" && slices.Contains(k.Columns, c.Num) })
}

// columnValue is the value of a tenant's row in the column that the parameter
// is compared with; else any of its values of the type.
func (a *queryAttack) columnValue(tables []*table, oid catalog.OID, column string, whose *tenant, second bool) value {
	element := oid
	typ := a.w.types[oid]
	if typ != nil && typ.Element != 0 {
		element = typ.Element
	}
	var found []string
	collect := func(match func(*table, *catalog.Column) bool) {
		for _, t := range tables {
			for _, c := range t.rel.Columns {
				if !match(t, c) {
					continue
				}
				for _, r := range t.rows {
					if r.tenant == whose && r.values[c.Name] != nullText {
						found = append(found, r.values[c.Name])
					}
				}
			}
		}
	}
	collect(func(_ *table, c *catalog.Column) bool { return c.Name == column })
	if len(found) == 0 {
		collect(func(t *table, c *catalog.Column) bool {
			return (c.TypeOID == element || c.BaseOID == element) && c != t.column
		})
	}
	if len(found) == 0 {
		return a.anyValue(oid, typ, column)
	}
	pick := found[0]
	if second && len(found) > 1 {
		pick = found[1]
	}
	if element != oid {
		return text(arrayLiteral(found[:min(len(found), 3)]...))
	}
	// A limit or a page is a number, whatever the column.
	return text(pick)
}

// anyValue invents a value that lets many rows through: a limit, a date.
func (a *queryAttack) anyValue(oid catalog.OID, typ *catalog.Type, column string) value {
	if typ != nil && strings.HasPrefix(typ.TypeName, "int") {
		if n := normal(column); strings.Contains(n, "offset") || strings.Contains(n, "skip") {
			return text("0")
		}
		return text("100")
	}
	if v, ok := (maker{w: a.w, label: "wt", n: 1}).base(oid, "", column); ok {
		return text(v)
	}
	return null
}

// execute runs a probe and undoes it.
func (a *queryAttack) execute(ctx context.Context, p *probe, look bool) (answer, error) {
	var out answer
	me := a.w.tenants[0]
	watch := &attacker{session: a.session, me: me}
	look = look && !readsOnly(p.sql)
	run := func() error {
		var err error
		if out.outcome, err = a.run(ctx, p.sql); err != nil {
			return err
		}
		out.seal()
		if out.err == nil && look {
			out.changed, err = watch.changed(ctx)
		}
		return err
	}
	err := a.scope(ctx, func() error {
		if look {
			if _, err := watch.written(ctx); err != nil {
				return err
			}
		}
		if !p.setting.super {
			return a.as(ctx, me, run)
		}
		for _, sql := range a.w.context.adminStatements(a.session, me) {
			if err := a.must(ctx, sql); err != nil {
				return err
			}
		}
		return run()
	})
	return out, err
}

// readsOnly says whether a query has no word that writes.
func readsOnly(sql string) bool {
	for _, t := range scanSQL(sql) {
		if t.kind == tokenWord {
			switch t.value() {
			case "insert", "update", "delete", "merge":
				return false
			}
		}
	}
	return true
}

// judge compares the answers.
func (a *queryAttack) judge(list []Query) {
	canaries := a.w.newCanaries()
	type run struct {
		query   *Query
		setting setting
	}
	runs := map[run][]*probe{}
	for _, p := range a.probes {
		runs[run{p.query, p.setting}] = append(runs[run{p.query, p.setting}], p)
	}
	for i := range list {
		q := &list[i]
		for _, s := range settings {
			if probes := runs[run{q, s}]; len(probes) > 0 {
				a.judgeQuery(q, s, probes, canaries)
			}
		}
		if q.Waived == "" {
			a.report.Queries++
		}
	}
}

func (a *queryAttack) judgeQuery(q *Query, s setting, probes []*probe, canaries *canaries) {
	rows, answered, last := 0, false, ""
	for _, p := range probes {
		switch {
		case p.with.interrupted() || p.again.interrupted() || p.without.interrupted():
			a.unprovedQuery(q, "it was interrupted: "+p.with.String()+"; "+p.without.String())
			return
		case len(p.with.changed) > 0:
			a.leakedQuery(q, s, "changes rows of another tenant in "+result{changed: p.with.changed}.changedNames())
			return
		case p.with.err == nil && canaries.shown(p.with.rows, p.bound):
			a.leakedQuery(q, s, "shows values of another tenant")
			return
		case p.with.sum == p.again.sum && p.with.sum != p.without.sum:
			a.leakedQuery(q, s, "answers differently when the rows of other tenants are gone")
			return
		case p.with.code() != p.without.code() || len(p.with.rows) != len(p.without.rows):
			a.leakedQuery(q, s, "tells whether another tenant has a row")
			return
		}
		if p.with.err == nil {
			answered = true
			if p.mine {
				rows += len(p.with.rows) + int(p.with.affected)
			}
		} else {
			last = p.with.String()
		}
	}
	c := Cell{Object: q.Name, Kind: "query", Attack: "noninterference", Lock: s.lock, Verdict: Held, Control: "own rows: " + count(rows, "row"), Detail: "the same answer with and without the rows of others"}
	if !answered && s.lock == "all" {
		a.unprovedQuery(q, "it fails with every value: "+last)
		return
	}
	if !answered {
		c.Verdict, c.Detail = Held, "refused: "+last
	}
	a.report.Cells = append(a.report.Cells, c)
}

func (a *queryAttack) leakedQuery(q *Query, s setting, what string) {
	a.report.Cells = append(a.report.Cells, Cell{Object: q.Name, Kind: "query", Attack: "noninterference", Lock: s.lock, Verdict: Leaked, Detail: what})
	message := map[string]string{
		"all":      "the query %s",
		"query":    "with row-level security off, the query %s",
		"database": "without its tenant clause, the query %s: row-level security does not stop it",
	}[s.lock]
	a.report.Findings = append(a.report.Findings, Finding{
		Rule: ruleQuery, Severity: Error, File: q.File, Line: q.Line, Column: 1, Query: q.Name, Object: "lock " + s.lock,
		Message: fmt.Sprintf(message, what), Fix: ruleOf(ruleQuery).Fix,
	})
}

func (a *queryAttack) unprovedQuery(q *Query, why string) {
	a.report.Cells = append(a.report.Cells, Cell{Object: q.Name, Kind: "query", Attack: "noninterference", Lock: "all", Verdict: NotProved, Detail: why})
	a.report.Findings = append(a.report.Findings, Finding{
		Rule: ruleUnproved, Severity: Error, File: q.File, Line: q.Line, Column: 1, Query: q.Name,
		Message: "the query is not proved: " + why, Fix: "correct the query, or give rows by --seed",
	})
}
