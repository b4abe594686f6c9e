package sqlcplugin

import (
	"fmt"
	"strings"
)

// Gate decides whether code may be generated for a request. It returns one
// finding per reason not to; an empty slice lets the request pass. An error
// means that the gate could not decide, which also stops the generation.
type Gate func(*Request, Options) ([]Finding, error)

// Finding is one reason not to generate code.
type Finding struct {
	Position Position
	Query    string // name of the query
	Message  string // lower-case, ends with the remedy in parentheses
}

// String returns the finding as a compiler would print it.
func (f Finding) String() string {
	return fmt.Sprintf("%s: query %s: %s", f.Position, f.Query, f.Message)
}

// waiver begins the comment that lets a query see several tenants.
const waiver = "watertight:cross-tenant"

// Waiver returns the reason given in a watertight:cross-tenant comment of the
// query, and whether there is such a comment.
func (q Query) Waiver() (reason string, ok bool) {
	for _, c := range q.Comments {
		word, rest, _ := strings.Cut(strings.TrimSpace(c), " ")
		if word == waiver {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

// HandleGate keeps queries and handles together: a waived query may run only on
// the cross-tenant handle, and that handle runs waived queries only.
func HandleGate(r *Request, o Options) ([]Finding, error) {
	var findings []Finding
	for _, q := range r.Queries {
		reason, waived := q.Waiver()
		var msg string
		switch {
		case waived && reason == "":
			msg = "the waiver gives no reason (write -- " + waiver + " REASON)"
		case waived && o.Handle == Tenant:
			msg = "a waived query cannot run on a tenant's handle (move it to a sql block of its own whose plugin option handle is crosstenant)"
		case !waived && o.Handle == CrossTenant:
			msg = "runs across tenants without saying why (add -- " + waiver + " REASON, or move it to the tenants' package)"
		default:
			continue
		}
		findings = append(findings, Finding{Position: r.Locate(q), Query: q.Name, Message: msg})
	}
	return findings, nil
}
