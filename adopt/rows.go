package adopt

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A count is a question that the rows have to answer: none may be counted.
type count struct {
	kind, object string
	sql          string
	message      string
	answers      string
}

// counts lists what to ask of the rows. A table whose every row has a parent,
// as a validated foreign key of NOT NULL columns makes certain, needs no answer.
func (m *model) counts() []count {
	var out []count
	for _, t := range m.order[1:] {
		if t.open {
			continue
		}
		out = append(out, m.countsOf(t)...)
	}
	return out
}

func (m *model) countsOf(t *table) []count {
	var out []count
	if !m.certain(t) {
		answers := "mend or delete these rows"
		if len(t.ways) == 1 && t.ways[0].constraint == nil || t.from != "" {
			out = append(out, count{
				"no-tenant", t.Name(),
				"select count(*) from " + t.Name() + " t where not exists (select from " + m.root.Name() + " r where r." + catalog.Quote(m.key.Name) + " = (" + m.keyOf(t, "t") + "))",
				"rows of " + t.Name() + " belong to no tenant in " + m.root.Name(), answers,
			})
		} else {
			out = append(out, count{
				"no-tenant", t.Name(),
				"select count(*) from " + t.Name() + " t where (" + m.keyOf(t, "t") + ") is null",
				"rows of " + t.Name() + " lead to no tenant", answers,
			})
		}
	}
	for _, k := range t.Constraints {
		p := m.byOID[k.References]
		if k.Type != "f" || k.Parent != 0 || p == nil || !p.owned() {
			continue
		}
		w := m.wayOf(t, k)
		if !k.Validated {
			out = append(out, count{
				"no-parent", t.Name() + "." + catalog.Quote(k.Name),
				"select count(*) from " + t.Name() + " t where " + given(w.cols) + " and not exists (select from " + p.Name() + " p where " + w.joined("t", "p") + ")",
				"rows of " + t.Name() + " refer by " + k.Name + " to rows of " + p.Name() + " that do not exist", "mend these rows",
			})
		}
		if p.class == root || len(t.ways) == 1 && t.from == "" && t.ways[0].constraint == k {
			continue // what it refers to is the row's tenant
		}
		out = append(out, count{
			"two-tenants", t.Name() + "." + catalog.Quote(k.Name),
			"select count(*) from " + t.Name() + " t join " + p.Name() + " q on " + w.joined("t", "q") + " where (" + m.keyOf(t, "t") + ") is distinct from (" + m.keyOf(p, "q") + ")",
			"rows of " + t.Name() + " refer by " + k.Name + " to a row of " + p.Name() + " of another tenant", "mend these rows: one tenant reaches the other's data through them",
		})
	}
	return out
}

// certain says whether foreign keys make sure that every row has a tenant.
func (m *model) certain(t *table) bool {
	return t.class == root || t.from == "" && len(t.ways) == 1 && t.ways[0].notNull && t.ways[0].sure() && m.certain(t.ways[0].to)
}

func given(columns []string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "t." + catalog.Quote(c) + " is not null"
	}
	return strings.Join(parts, " and ")
}

// checkRows asks the rows, and asks a person where an answer is not none.
func (m *model) checkRows(ctx context.Context, tx pgx.Tx, progress func(done, total int, what string)) error {
	list := m.counts()
	for i, c := range list {
		if progress != nil {
			progress(i, len(list), c.object)
		}
		var n int64
		if err := tx.QueryRow(ctx, c.sql).Scan(&n); err != nil {
			return fmt.Errorf("count rows of %s: %w", c.object, withoutRow(err))
		}
		if n > 0 {
			m.ask(c.kind, c.object, n, c.answers, "%d %s", n, c.message)
		}
	}
	return nil
}
