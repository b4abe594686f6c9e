package evidence

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// A Document is everything that a proof did and found.
type Document struct {
	Verdict string    `json:"verdict"` // clean, leaks, not proved
	Date    time.Time `json:"date"`
	Seconds float64   `json:"seconds"`

	Watertight string `json:"watertight"` // versions
	Go         string `json:"go"`
	Server     string `json:"server"`
	Database   string `json:"database"`
	Identity   string `json:"identity"` // of the server, from pg_control_system
	AppRole    string `json:"app_role"`
	Where      string `json:"where"`

	Tables  int `json:"tables"`
	Rows    int `json:"rows"`
	Attacks int `json:"attacks"`
	Rules   int `json:"rules"`   // of inspect
	Queries int `json:"queries"` // judged
	Proved  int `json:"proved"`  // by lint

	Findings []Finding `json:"findings"`
	Cells    []Cell    `json:"cells"`
	Planted  []Planted `json:"planted"`
	Waivers  []Waiver  `json:"waivers"`
	Inputs   []Input   `json:"inputs"`
	Files    []Input   `json:"files"` // other forms of this report, with their digests
	Controls []Control `json:"controls"`
	Assumed  []string  `json:"assumed"`
	Notes    []string  `json:"notes"`
}

// The verdicts.
const (
	Clean     = "clean"
	Leaks     = "leaks"
	NotProved = "not proved"
)

// A Finding is one thing that lint, inspect or attack found.
type Finding struct {
	Source   string `json:"source"` // lint, inspect, attack
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Query    string `json:"query"`
	Table    string `json:"table"`
	Object   string `json:"object"`
	Message  string `json:"message"`
	Fix      string `json:"fix"`
	Unproved bool   `json:"unproved"` // it could not be tested
}

// Subject is what the finding is about, for people.
func (f Finding) Subject() string {
	parts := []string{f.Table, f.Object}
	if f.Query != "" {
		parts = []string{"query " + f.Query}
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.Join(slices.Compact(parts), ": ")
}

// A Cell is the outcome of one attack.
type Cell struct {
	Object  string `json:"object"`
	Kind    string `json:"kind"`
	Attack  string `json:"attack"`
	Lock    string `json:"lock"`
	Verdict string `json:"verdict"` // held, leaked, unproved, no access
	Control string `json:"control"`
	Detail  string `json:"detail"`
}

// A Planted is a leak that was made on purpose.
type Planted struct {
	Class  string `json:"class"`
	Where  string `json:"where"`
	Caught bool   `json:"caught"`
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// A Waiver is a finding that somebody accepted.
type Waiver struct {
	Rule   string `json:"rule"`
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// An Input is a file that went into the proof, or came out of it.
type Input struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Digest names the content of a file.
func Digest(name string, content []byte) Input {
	sum := sha256.Sum256(content)
	return Input{Name: name, SHA256: hex.EncodeToString(sum[:])}
}

// Settle sorts the document, and fills in the verdict and the controls.
func (d *Document) Settle() {
	slices.SortStableFunc(d.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Severity, b.Severity), strings.Compare(a.Source, b.Source), strings.Compare(a.Table, b.Table),
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.Object, b.Object), a.Line-b.Line)
	})
	d.Verdict = Clean
	for _, f := range d.Findings {
		switch {
		case f.Severity != "error":
		case !f.Unproved:
			d.Verdict = Leaks
		case d.Verdict == Clean:
			d.Verdict = NotProved
		}
	}
	d.Controls = d.controls()
}

// Count counts the findings that are errors: leaks, and what is not proved.
func (d *Document) Count() (leaks, unproved, warnings int) {
	for _, f := range d.Findings {
		switch {
		case f.Severity != "error":
			warnings++
		case f.Unproved:
			unproved++
		default:
			leaks++
		}
	}
	return leaks, unproved, warnings
}
