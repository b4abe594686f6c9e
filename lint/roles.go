package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// AnyRole in a list of roles stands for every role.
const AnyRole = "any"

// usualRoles are those of package tenancy; a team's own come from
// [Options.Roles].
var usualRoles = []string{"owner", "admin", "member", "viewer", "job", "support"}

// The comments that speak to Watertight. Another one that begins so is a
// finding: a misspelt one would be passed over without a word.
const (
	markPrefix       = "watertight:"
	rolesMark        = "watertight:roles"
	defaultRolesMark = "watertight:default-roles"
)

var roleForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// roleReader reads the roles lines of one file.
type roleReader struct {
	known  []string
	file   string
	lines  *lines
	report *Report

	preset []string // of the file, for its queries without a line
	below  bool     // a query's name has been passed
}

// readRoles notes who may run each named query of a file in r.Roles, and
// reports lines that do not say so. A query that is absent there has no line
// of its own and none of its file.
func (r *Report) readRoles(f File, src string, lines *lines, known []string) {
	rr := &roleReader{known: append(slices.Clone(usualRoles), known...), file: f.Name, lines: lines, report: r}
	for _, p := range splitStatements(src) {
		rr.piece(p)
	}
}

func (rr *roleReader) piece(p piece) {
	name, nameAt := "", -1
	for _, c := range p.comments {
		if n, _, ok := nameComment(c.text); ok {
			name, nameAt = n, c.at
		}
	}
	var own []string
	waived, marked := false, false
	for _, c := range p.comments {
		if c.at == nameAt {
			rr.below = true
			line, col := rr.lines.position(c.at)
			rr.report.places[name] = Finding{File: rr.file, Line: line, Column: col, Query: name}
		}
		mark, rest := markOf(c.text)
		switch mark {
		case "":
			rr.hidden(name, c)
		case waiverMark:
			waived = true
		case defaultRolesMark:
			rr.fileDefault(c, rest)
		case rolesMark:
			switch {
			case name == "" || c.at < nameAt || c.at > p.code:
				rr.add(name, c, "a roles line stands between the name of its query and the statement (move it below the line -- name:)")
			case marked:
				rr.add(name, c, "the query has a second roles line (write all its roles into one)")
			default:
				own = rr.parse(name, c, rest)
			}
			marked = true
		default:
			rr.add(name, c, fmt.Sprintf("%q is no comment that Watertight knows, so it would have no effect (write %s, %s or %s)", mark, rolesMark, defaultRolesMark, waiverMark))
		}
	}
	switch {
	case name == "":
	case waived:
		if marked {
			rr.add(name, p.comments[0], "a query that crosses tenants runs as the system's role, where no tenant's role counts (remove the roles line)")
		}
	case marked:
		rr.report.Roles[name] = own // also when it does not parse: then nobody's
	case rr.preset != nil:
		rr.report.Roles[name] = rr.preset
	}
}

// markOf splits a comment into the mark it begins with and the rest. A mark in
// other letters or with a space in it counts as one that is not known.
func markOf(text string) (mark, rest string) {
	fields := strings.Fields(text)
	if len(fields) == 0 || !strings.HasPrefix(strings.ToLower(strings.Join(fields, "")), markPrefix) {
		return "", ""
	}
	return fields[0], strings.TrimSpace(strings.TrimPrefix(text, fields[0]))
}

// hidden reports a mark on a later line of a block comment.
func (rr *roleReader) hidden(query string, c comment) {
	for line := range strings.Lines(c.text) {
		if mark, _ := markOf(strings.TrimLeft(line, " \t*-")); mark != "" {
			rr.add(query, c, fmt.Sprintf("%q stands inside a longer comment, where it has no effect (give it a line of its own that begins with --)", mark))
			return
		}
	}
}

func (rr *roleReader) fileDefault(c comment, rest string) {
	switch {
	case rr.below:
		rr.add("", c, "the default of a file stands above its first query (move it to the top)")
	case rr.preset != nil:
		rr.add("", c, "the file has a second default (write all roles into one line)")
	default:
		rr.preset = rr.parse("", c, rest)
	}
}

// parse returns the roles of a line. What it cannot read allows nobody.
func (rr *roleReader) parse(query string, c comment, rest string) []string {
	roles := strings.Fields(rest)
	if len(roles) == 0 {
		rr.add(query, c, "the line names no role (write the roles that may run it, or "+AnyRole+")")
		return []string{}
	}
	for i, role := range roles {
		if wrong := rr.wrong(roles, i); wrong != "" {
			rr.add(query, c, fmt.Sprintf("%q %s", role, wrong))
			return []string{}
		}
	}
	return roles
}

// wrong says what is wrong with the i-th role of a line.
func (rr *roleReader) wrong(roles []string, i int) string {
	role := roles[i]
	switch {
	case role == AnyRole && len(roles) > 1:
		return "stands beside other roles (leave them out, or leave " + AnyRole + " out)"
	case role == AnyRole:
		return ""
	case !roleForm.MatchString(role):
		return "is no role: a-z, 0-9, - and _ (write " + rolesMark + " owner admin, with spaces between)"
	case !slices.Contains(rr.known, role):
		return "is a role that nobody has (write one of " + strings.Join(rr.known, ", ") + ", or name the team's own in the option roles of the plugin or under lint.roles in watertight.yaml)"
	case slices.Contains(roles[:i], role):
		return "stands twice (once is enough)"
	}
	return ""
}

func (rr *roleReader) add(query string, c comment, message string) {
	line, col := rr.lines.position(c.at)
	rr.report.Findings = append(rr.report.Findings, Finding{
		Rule: ruleRoles, Severity: Error, File: rr.file, Line: line, Column: col, Query: query, Object: rolesMark,
		Message: message, Fix: "-- " + rolesMark + " owner admin",
	})
}

// roles fills in the block's default, and reports queries that have none once
// another query of the block says who may run it: they would be open to all
// because somebody forgot them.
func (c *sqlcCheck) roles() {
	started := len(c.report.Roles) > 0
	for query, at := range c.report.places {
		if _, ok := c.report.Roles[query]; ok {
			continue
		}
		switch {
		case c.block.DefaultRoles != nil:
			c.report.Roles[query] = c.block.DefaultRoles
		case started && !c.block.CrossTenant:
			at.Rule, at.Severity, at.Object = ruleNoRoles, Error, rolesMark
			at.Message = "the query does not say who may run it while others here do, and the config states no default (add -- " + rolesMark + " …, or the option default_roles of the plugin to sqlc.yaml)"
			at.Fix = "options: {default_roles: [owner, admin]}"
			c.report.Findings = append(c.report.Findings, at)
		default:
			c.report.Roles[query] = []string{AnyRole}
		}
	}
}
