package lint

import "fmt"

// Severity says whether a finding lets data across or only tidies.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is wrong with a query.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Query    string   `json:"query"`
	Table    string   `json:"table"`
	Object   string   `json:"object"`
	Message  string   `json:"message"`
	Fix      string   `json:"fix"`

	// edit is the change that --fix makes, when it is safe.
	edit edit
	// broken marks input that could not be judged: exit code 2.
	broken bool
}

// String returns the finding as a compiler would print it.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.File, f.Line, f.Column, f.Rule, f.Message)
}

// Broken reports whether the finding is about input that could not be judged
// at all: SQL that does not parse, a table that no migration creates.
func (f Finding) Broken() bool { return f.broken }

// The rules. The ids are those of the folders in rules, which hold the pages;
// an id is never used for something else.
const (
	ruleRead          = "WTL001"
	ruleWrite         = "WTL002"
	ruleInsert        = "WTL003"
	ruleConflict      = "WTL004"
	ruleReassign      = "WTL005"
	ruleSecond        = "WTL006"
	ruleNullable      = "WTL007"
	ruleFunction      = "WTL008"
	ruleCatalog       = "WTL009"
	ruleStatement     = "WTL010"
	ruleNotUnderstood = "WTL011"
	ruleSyntax        = "WTL012"
	ruleUnknown       = "WTL013"
	ruleWaiverReason  = "WTL014"
	ruleWaiverUnused  = "WTL015"
	ruleBaselineStale = "WTL016"
	ruleRoles         = "WTL017"
	ruleLostType      = "WTL020"
	ruleParamLimit    = "WTL021"
	ruleOverride      = "WTL022"
	ruleSlice         = "WTL023"
	ruleMerge         = "WTL024"
	ruleStaleFile     = "WTL025"
	ruleNoRoles       = "WTL026"
)
