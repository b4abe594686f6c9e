package sqlcplugin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// tableRow is one query in the table of roles.
type tableRow struct {
	Name  string
	Key   string // the field of tenancy.QueryRoles that the handle looks it up by
	Value string // Go code of it
	Roles string // Go code of the list's elements
}

// roleTable lists every query with the roles that may run it, in the order of
// their names. A query that no gate has read the roles of is an error: it would
// be open to all.
func roleTable(r *Request) ([]tableRow, error) {
	var table []tableRow
	for _, q := range r.Queries {
		roles, ok := r.Roles[q.Name]
		if !ok {
			return nil, fmt.Errorf("the roles of query %s were not read (report this as a bug)", q.Name)
		}
		quoted := make([]string, len(roles))
		for i, role := range roles {
			quoted[i] = strconv.Quote(role)
		}
		row := tableRow{Name: q.Name, Key: "SQL", Value: lowerFirst(q.Name), Roles: strings.Join(quoted, ", ")}
		if q.Cmd == ":copyfrom" {
			// Its method hands over no text, but a source of its own type.
			row.Key, row.Value = "Rows", "new(iteratorFor"+q.Name+")"
		}
		table = append(table, row)
	}
	slices.SortFunc(table, func(a, b tableRow) int { return strings.Compare(a.Name, b.Name) })
	return table, nil
}

// lowerFirst is how sqlc names the constant that holds a query's text.
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
