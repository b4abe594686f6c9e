package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A view is what a statement showed of a table.
type sight struct {
	outcome
	own, foreign, nobody int
	detail               string // of the foreign rows
}

// readable returns what to select so that rows can be told apart: their places
// where the whole table may be read, else the tenant, else nothing but a count.
func (t *table) readable() string {
	switch {
	case !t.usage:
		return ""
	case t.selects:
		return "t.tableoid::text || t.ctid::text"
	case t.column != nil && t.selectCols[t.column.Num]:
		return "t." + quoteName(t.column.Name) + "::text"
	}
	for _, c := range t.rel.Columns {
		if t.selectCols[c.Num] {
			return "t." + quoteName(c.Name) + "::text"
		}
	}
	return ""
}

// sort tells own rows from foreign ones.
func (a *attacker) sort(o outcome) sight {
	v := sight{outcome: o}
	seen := map[string]int{}
	for _, r := range o.rows {
		owner, known := r[0], true
		switch {
		case a.t.selects:
			owner, known = a.owners[r[0]]
		case a.t.column == nil || !a.t.selectCols[a.t.column.Num]:
			known = false
		}
		switch {
		case !known:
			v.own++ // counted below
		case owner == nullText:
			v.nobody++
		case sameText(owner, a.me.id):
			v.own++
		default:
			v.foreign++
			seen[owner]++
		}
	}
	// Without anything to tell rows apart, more rows than the tenant has is all
	// that can be seen.
	if v.foreign == 0 && v.own > a.own {
		v.foreign, v.own = v.own-a.own, a.own
	}
	v.detail = a.w.describe(seen)
	return v
}

// describe says whose rows were seen, and what lets a tenant that resembles the
// first be taken for it.
func (w *world) describe(seen map[string]int) string {
	var like []string
	plain := false
	for owner := range seen {
		i := slices.IndexFunc(w.tenants, func(t *tenant) bool { return sameText(t.id, owner) })
		if i >= 0 && w.tenants[i].like != "" {
			like = append(like, w.tenants[i].like)
		} else {
			plain = true
		}
	}
	if plain || len(like) == 0 {
		return ""
	}
	slices.Sort(like)
	return ", of a tenant whose identifier " + strings.Join(slices.Compact(like), " or ")
}

// look runs a reading statement as the application inside a tenant.
func (a *attacker) look(ctx context.Context, prepare, sql string) (sight, error) {
	var v sight
	err := a.as(ctx, a.me, func() error {
		if prepare != "" {
			if o, err := a.run(ctx, prepare); err != nil || o.err != nil {
				v.outcome = o
				return err
			}
		}
		o, err := a.run(ctx, sql)
		if err == nil && o.err == nil {
			v = a.sort(o)
		} else {
			v.outcome = o
		}
		return err
	})
	return v, err
}

// reads makes the attacks that read.
func (a *attacker) reads(ctx context.Context) error {
	what := a.t.readable()
	if what == "" {
		a.cell("select", Closed, "", "the application may not read the table")
		return nil
	}
	from := fmt.Sprintf("select %s from %s t", what, a.t.name())
	for _, r := range []struct{ attack, prepare, sql string }{
		{"select", "", from},
		{"cursor", "declare watertight_cursor cursor for " + from, "fetch all from watertight_cursor"},
		{"lock", "", from + " for update"},
	} {
		v, err := a.look(ctx, r.prepare, r.sql)
		if err != nil {
			return err
		}
		a.judgeRead(r.attack, v)
	}
	return a.copyTo(ctx)
}

// judgeRead turns what was seen into a verdict.
func (a *attacker) judgeRead(attack string, v sight) {
	control := "own rows: " + fmt.Sprint(v.own)
	switch {
	case v.refused():
		a.cell(attack, Closed, "own rows: refused", v.String())
	case v.err != nil && a.contextRefuses(v.err):
		a.unproved(attack, "", v.String())
	case v.err != nil:
		a.unproved(attack, "", v.String())
	case v.foreign > 0:
		a.leaked(ruleRead, attack, a.policies("r"), control, fmt.Sprintf("a tenant sees %s of other tenants%s", count(v.foreign, "row"), v.detail))
	case v.own == 0 && a.own > 0 && a.closed("r"):
		a.cell(attack, Held, control, "no policy lets the application read: not even the tenant's own rows")
	case v.own == 0 && a.own > 0:
		a.unproved(attack, control, "the tenant does not see its own rows, so that it sees no others means nothing")
	default:
		a.cell(attack, Held, control, "no row of another tenant")
	}
}

// contextRefuses says whether entering the tenant is what failed.
func (a *attacker) contextRefuses(err *pgconn.PgError) bool { return err.Code == "42704" }

// policies names the policies that apply to a command.
func (a *attacker) policies(command string) string {
	if !a.t.rowSecurity {
		return "row-level security"
	}
	var names []string
	for _, p := range a.t.rel.Policies {
		if p.Permissive && (p.Command == "*" || p.Command == command) && a.appliesTo(p.Roles) {
			names = append(names, "policy "+p.Name)
		}
	}
	if len(names) == 0 {
		return "row-level security"
	}
	return strings.Join(names, ", ")
}

// closed says that no policy lets the application do it, with whatever rows.
func (a *attacker) closed(command string) bool {
	return a.t.rowSecurity && !slices.ContainsFunc(a.t.rel.Policies, func(p *catalog.Policy) bool {
		return p.Permissive && (p.Command == "*" || p.Command == command) && a.appliesTo(p.Roles)
	})
}

// appliesTo says whether a policy is for the application. Roles that it is a
// member of are taken to apply: then an empty result needs a control.
func (a *attacker) appliesTo(roles []catalog.OID) bool {
	return slices.ContainsFunc(roles, func(r catalog.OID) bool {
		return r == 0 || r == a.w.app.OID || a.w.appRoles[r]
	})
}

// copyTo reads with COPY.
func (a *attacker) copyTo(ctx context.Context) error {
	var names []string
	for _, c := range a.t.rel.Columns {
		if a.t.selectCols[c.Num] && c.Generated == "" {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	// COPY TO reads no partitioned table, but a query of it.
	source := fmt.Sprintf("%s (%s)", a.t.name(), quoteNames(names))
	if a.t.rel.Kind == catalog.PartitionedTable {
		source = fmt.Sprintf("(select %s from %s)", quoteNames(names), a.t.name())
	}
	var v sight
	err := a.as(ctx, a.me, func() error {
		var lines lineCounter
		_, err := a.conn.PgConn().CopyTo(ctx, &lines, "copy "+source+" to stdout")
		if err != nil {
			v.outcome, err = a.failed(ctx, err)
			return err
		}
		v.own = int(lines)
		return nil
	})
	if err != nil {
		return err
	}
	own := a.own
	if len(a.t.rel.Parents) == 0 && a.t.rel.Kind != catalog.PartitionedTable {
		own = a.ownOnly() // COPY TO leaves children out
	}
	nobody := 0
	for _, o := range a.owners {
		if o == nullText {
			nobody++
		}
	}
	if v.own > own+nobody {
		v.foreign = v.own - own
		v.own = own
	}
	a.judgeRead("copy to", v)
	return nil
}

// ownOnly is the number of own rows in the table itself, without its children.
func (a *attacker) ownOnly() int {
	n := 0
	prefix := fmt.Sprint(a.t.rel.OID) + "("
	for place, owner := range a.owners {
		if strings.HasPrefix(place, prefix) && sameText(owner, a.me.id) {
			n++
		}
	}
	return n
}

// lineCounter counts the lines of COPY's text format, a row each.
type lineCounter int

func (n *lineCounter) Write(p []byte) (int, error) {
	*n += lineCounter(strings.Count(string(p), "\n"))
	return len(p), nil
}

// prepared runs one prepared statement for two tenants, with the plan of the
// first kept for the second.
func (a *attacker) prepared(ctx context.Context) error {
	what := a.t.readable()
	if what == "" || a.own == 0 {
		return nil
	}
	prepare := fmt.Sprintf("prepare watertight_probe as select %s from %s t", what, a.t.name())
	execute := "execute watertight_probe"
	var first, second sight
	err := a.as(ctx, a.me, func() error {
		if o, err := a.run(ctx, prepare); err != nil || o.err != nil {
			first.outcome = o
			return err
		}
		if err := a.must(ctx, "set local plan_cache_mode = force_generic_plan"); err != nil {
			return err
		}
		o, err := a.run(ctx, execute)
		first = a.sort(o)
		return err
	})
	if err != nil || first.err != nil || first.own == 0 {
		return err
	}
	me, own := a.me, a.own
	a.me, a.own = a.victim, 0
	for _, owner := range a.owners {
		if sameText(owner, a.victim.id) {
			a.own++
		}
	}
	err = a.as(ctx, a.victim, func() error {
		if err := a.must(ctx, "set local plan_cache_mode = force_generic_plan"); err != nil {
			return err
		}
		o, err := a.run(ctx, execute)
		if o.err == nil {
			second = a.sort(o)
		} else {
			second.outcome = o
		}
		return err
	})
	a.me, a.own = me, own
	if err != nil {
		return err
	}
	if err := a.must(ctx, "deallocate watertight_probe"); err != nil {
		return err
	}
	control := "the first tenant's rows: " + fmt.Sprint(first.own)
	switch {
	case second.err != nil && !second.refused():
		a.unproved("prepared", control, second.String())
	case second.foreign > 0 && first.foreign == 0:
		a.leaked(ruleStale, "prepared", "prepared statement", control, fmt.Sprintf("a statement that one tenant prepared shows another tenant %s of the first", count(second.foreign, "row")))
	default:
		a.cell("prepared", Held, control, "the second tenant sees its own rows only")
	}
	return nil
}
