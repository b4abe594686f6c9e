package lint

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRandomQueries writes queries that nobody would, and holds the claim on
// them: what passes does not depend on the other tenant's rows. The seeds are
// fixed, so that a failure can be looked at.
func TestRandomQueries(t *testing.T) {
	t.Parallel()
	s := corpusSchema(t)
	const workers = 2
	each := 250
	if n, err := strconv.Atoi(os.Getenv("LINT_RANDOM")); err == nil {
		each = n // a night's worth
	}
	for w := range workers {
		t.Run(strconv.Itoa(w), func(t *testing.T) {
			t.Parallel()
			worlds := newWorlds(t)
			g := &generator{rand.New(rand.NewPCG(uint64(w), 7)), 0}
			passed := 0
			for range each {
				sql := g.statement()
				if len(errorsOf(t, s, sql)) > 0 {
					continue
				}
				why := worlds.interference(t, sql, "$1")
				if strings.HasPrefix(why, "invalid") {
					continue
				}
				passed++
				if why != "" {
					t.Errorf("passes, but %s: %s", why, sql)
				}
			}
			t.Logf("%d of %d queries pass and are SQL", passed, each)
			require.Greater(t, passed, each/20)
		})
	}
}

type generator struct {
	*rand.Rand
	n int
}

func (g *generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) alias() string {
	g.n++
	return "x" + strconv.Itoa(g.n)
}

func (g *generator) statement() string {
	g.n = 0
	switch g.IntN(10) {
	case 0:
		a := g.alias()
		f, names := g.from(1, nil)
		return fmt.Sprintf("update bookings %s set amount = 7 from %s where %s", a, f, g.cond(append(names, a), 2))
	case 1:
		a := g.alias()
		f, names := g.from(1, nil)
		return fmt.Sprintf("delete from rooms %s using %s where %s", a, f, g.cond(append(names, a), 2))
	case 2:
		q := g.query(2, nil)
		return fmt.Sprintf("with c as %s(%s) select * from c %s join c %s on %s.tenant_id = %s.tenant_id where c1.tenant_id = $1",
			g.pick("", "materialized "), q, "c1", "c2", "c1", "c2")
	}
	return g.query(2, nil)
}

// query returns a SELECT whose columns are tenant_id, id and n.
func (g *generator) query(depth int, outer []string) string {
	if depth > 0 && g.chance(12) {
		return g.query(depth-1, outer) + g.pick(" union ", " union all ", " intersect ", " except ") + g.query(depth-1, outer)
	}
	f, names := g.from(depth, outer)
	a := names[g.IntN(len(names))]
	cols := fmt.Sprintf("%s.tenant_id, %s.id, 1 as n", a, a)
	tail := ""
	switch g.IntN(9) {
	case 0:
		cols = fmt.Sprintf("%s.tenant_id, (array_agg(%s.id order by %s.id))[1] as id, count(*)::int as n", a, a, a)
		tail = fmt.Sprintf(" group by %s.tenant_id", a)
		if g.chance(40) {
			tail += fmt.Sprintf(" having %s.tenant_id = $1", a)
		}
	case 1:
		cols = fmt.Sprintf("distinct on (%s.%s) %s.tenant_id, %s.id, 1 as n", a, g.pick("tenant_id", "id"), a, a)
		tail = " order by 1, 2"
		if strings.Contains(cols, ".id) ") {
			tail = " order by 2, 1"
		}
	case 2:
		cols = fmt.Sprintf("%s.tenant_id, %s.id, (count(*) over (partition by %s.%s))::int as n", a, a, a, g.pick("tenant_id", "id"))
	case 3:
		if depth > 0 {
			cols = fmt.Sprintf("%s.tenant_id, %s.id, (select count(*)::int from %s z where %s) as n", a, a, g.table(), g.cond(append([]string{"z"}, names...), 1))
		}
	}
	where := ""
	if g.chance(85) {
		where = " where " + g.cond(append(names, outer...), 2)
	}
	if tail == "" && g.chance(10) {
		tail = " order by 2, 1 limit 2"
	}
	return "(select " + cols + " from " + f + where + tail + ")"
}

func (g *generator) table() string {
	return g.pick("bookings", "customers", "rooms", "billing.invoices", "everyone", "open_bookings")
}

func (g *generator) from(depth int, outer []string) (string, []string) {
	f, a := g.item(depth, outer)
	names := []string{a}
	for range g.IntN(3) {
		r, b := g.item(depth-1, outer)
		switch g.IntN(5) {
		case 0:
			f += ", " + r
		case 1:
			f = "(" + f + g.pick(" join ", " left join ", " full join ", " right join ") + r + fmt.Sprintf(" on %s.tenant_id = %s.tenant_id and %s.id = %s.id)", b, names[0], b, names[0])
		default:
			f = "(" + f + g.pick(" join ", " left join ", " left join ", " right join ") + r + " on " + g.cond(append(names, b), 1) + ")"
		}
		names = append(names, b)
	}
	return f, names
}

func (g *generator) item(depth int, outer []string) (string, string) {
	a := g.alias()
	if depth > 0 && g.chance(25) {
		return "lateral " + g.query(depth-1, outer) + " " + a, a
	}
	return g.table() + " " + a, a
}

// cond returns a condition over the aliases; most of them pin something, or
// queries that pass would be rare.
func (g *generator) cond(names []string, depth int) string {
	a, b := names[g.IntN(len(names))], names[g.IntN(len(names))]
	if depth > 0 {
		switch g.IntN(9) {
		case 0, 1, 2:
			return g.cond(names, depth-1) + " and " + g.cond(names, depth-1)
		case 3:
			return "(" + g.cond(names, depth-1) + " or " + g.cond(names, depth-1) + ")"
		case 4:
			return "not (" + g.cond(names, depth-1) + ")"
		case 5:
			z := g.alias()
			return g.pick("", "", "not ") + fmt.Sprintf("exists (select 1 from %s %s where %s)", g.table(), z, g.cond(append([]string{z}, names...), depth-1))
		case 6:
			z := g.alias()
			return fmt.Sprintf("(%s.tenant_id, %s.id) %sin (select tenant_id, id from %s %s where %s)", a, a, g.pick("", "", "not "), g.table(), z, g.cond(append([]string{z}, names...), depth-1))
		}
	}
	switch g.IntN(12) {
	case 0:
		return fmt.Sprintf("%s.id = %s.id", a, b)
	case 1:
		return fmt.Sprintf("%s.tenant_id <> $1", a)
	case 2:
		return fmt.Sprintf("%s.id is %snull", a, g.pick("", "not "))
	case 3:
		return fmt.Sprintf("%s.tenant_id is not distinct from %s", a, g.pick("$1", b+".tenant_id"))
	case 4:
		return fmt.Sprintf("coalesce(%s.tenant_id = $1, %s)", a, g.pick("true", "false", b+".id is null"))
	case 5, 6, 7:
		return fmt.Sprintf("%s.tenant_id = %s.tenant_id", a, b)
	}
	return fmt.Sprintf("%s.tenant_id = $1", a)
}
