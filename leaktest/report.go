package leaktest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Severities of a finding.
const (
	Error   = "error"   // one tenant reached, changed or learnt of another's data
	Warning = "warning" // it takes one more mistake
)

// A Finding is one attack that came through, or one that could not be made.
type Finding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`

	// File, Line, Column and Query are those of a query file, and empty in a
	// finding about a table: all commands print one shape.
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Query  string `json:"query"`

	Table   string `json:"table"`
	Object  string `json:"object"` // the view, function, key or attack
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

// Unproved says that the finding is no leak, but something that could not be
// tested.
func (f Finding) Unproved() bool { return f.Rule == ruleUnproved }

// A Leak is a finding as an error, so that a caller can tell what came through
// from what could not be tested.
type Leak struct{ Finding }

func (l *Leak) Error() string {
	return fmt.Sprintf("%s: %s: %s (%s)", l.Rule, l.subject(), l.Message, l.Fix)
}

func (f Finding) subject() string {
	switch {
	case f.Query != "":
		return "query " + f.Query
	case f.Table == "" || f.Object == f.Table:
		return f.Object
	case f.Object == "":
		return f.Table
	}
	return f.Table + ": " + f.Object
}

// An Unproved is an attack that could not be made, as an error. It is no leak
// and no proof either.
type Unproved struct{ Finding }

func (u *Unproved) Error() string {
	return fmt.Sprintf("%s: %s: %s (%s)", u.Rule, u.subject(), u.Message, u.Fix)
}

// A Verdict says how an attack ended.
type Verdict string

// The verdicts. A cell that is absent was not attacked, because the
// application has no such privilege at all or the object has no such thing.
const (
	Held      Verdict = "held"      // the server refused, or nothing was reached
	Leaked    Verdict = "leaked"    // it came through
	NotProved Verdict = "unproved"  // the test itself failed
	Closed    Verdict = "no access" // the application may not do this on its own rows either
)

// A Cell is the outcome of one attack on one object.
type Cell struct {
	Object  string  `json:"object"` // the table, view, function or query
	Kind    string  `json:"kind"`   // table, view, function, query, database
	Attack  string  `json:"attack"`
	Lock    string  `json:"lock"` // which of the locks was on: all, database, query
	Verdict Verdict `json:"verdict"`
	Control string  `json:"control"` // what the same did on the tenant's own rows
	Detail  string  `json:"detail"`
}

// A Report is what Check did and found.
type Report struct {
	Findings []Finding `json:"findings"`
	Cells    []Cell    `json:"cells"`

	Planted []Planted `json:"planted"` // by the self-test

	Database string        `json:"database"`
	Server   string        `json:"server"`
	Identity string        `json:"identity"` // of the server's cluster, empty where the role may not ask
	AppRole  string        `json:"app_role"`
	Tables   int           `json:"tables"` // of tenants
	Rows     int           `json:"rows"`   // that were made
	Attacks  int           `json:"attacks"`
	Queries  int           `json:"queries"`
	Waived   int           `json:"waived"` // queries that say why they cross tenants
	Where    string        `json:"where"`  // in a copy, or in a transaction that was rolled back
	Assumed  []string      `json:"assumed"`
	Notes    []string      `json:"notes"`
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took"`
}

// Leaks counts the attacks that came through.
func (r Report) Leaks() int { return r.count(ruleUnproved, false) }

// Unproved counts what could not be tested.
func (r Report) Unproved() int { return r.count(ruleUnproved, true) }

func (r Report) count(rule string, is bool) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == Error && (f.Rule == rule) == is {
			n++
		}
	}
	return n
}

// Warnings counts the findings that need one more mistake.
func (r Report) Warnings() int { return len(r.Findings) - r.Leaks() - r.Unproved() }

func sortFindings(list []Finding) {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Severity, b.Severity), strings.Compare(a.Table, b.Table),
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.Object, b.Object))
	})
}
