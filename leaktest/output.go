package leaktest

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/watertight-go/watertight/internal/sarif"
)

// WriteText writes the report for a terminal.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s %s: %s\n    fix: %s\n", f.Severity, f.Rule, f.subject(), f.Message, f.Fix)
	}
	for _, a := range r.Assumed {
		fmt.Fprintf(&b, "assumed: %s\n", a)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	fmt.Fprintf(&b, "%s, attacked as %s %s\n", r.Database, r.AppRole, r.Where)
	fmt.Fprintf(&b, "%s, %s, %s: %s, %d not proved, %s (%s)\n", count(r.Tables, "table"), count(r.Rows, "row"), count(r.Attacks, "attack"),
		count(r.Leaks(), "leak"), r.Unproved(), count(r.Warnings(), "warning"), r.Took.Round(time.Millisecond))
	if len(r.Planted) > 0 {
		caught, planted := r.CatchRate()
		for _, p := range r.Planted {
			if !p.Caught {
				fmt.Fprintf(&b, "self-test: %s: %s\n", p.Class, notCaught(p))
			}
		}
		fmt.Fprintf(&b, "self-test: %d of %d planted leaks caught (%d %%)\n", caught, planted, 100*caught/max(planted, 1))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func notCaught(p Planted) string {
	if p.Reason != "" {
		return "not planted: " + p.Reason
	}
	return "planted in " + p.Where + " and NOT CAUGHT"
}

// WriteJSON writes the findings in the form that all commands share, with the
// cells beside them.
func (r Report) WriteJSON(w io.Writer) error {
	findings, cells := r.Findings, r.Cells
	if findings == nil {
		findings = []Finding{}
	}
	if cells == nil {
		cells = []Cell{}
	}
	proved := 0
	for _, c := range cells {
		if c.Kind == "query" && c.Lock == "all" && c.Verdict == Held {
			proved++
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Findings []Finding `json:"findings"`
		Queries  int       `json:"queries"`
		Proved   int       `json:"proved"`
		Waived   int       `json:"waived"`
		Tables   int       `json:"tables"`
		Rows     int       `json:"rows"`
		Attacks  int       `json:"attacks"`
		Leaks    int       `json:"leaks"`
		Unproved int       `json:"unproved"`
		Cells    []Cell    `json:"cells"`
		Assumed  []string  `json:"assumed"`
		Where    string    `json:"where"`
	}{findings, r.Queries, proved, r.Waived, r.Tables, r.Rows, r.Attacks, r.Leaks(), r.Unproved(), cells, r.Assumed, r.Where})
}

// WriteSARIF writes the findings for code scanning.
func (r Report) WriteSARIF(w io.Writer) error {
	run := sarif.Run{Tool: "watertight attack"}
	for _, rule := range rules {
		run.Rules = append(run.Rules, sarif.Rule{ID: rule.ID, Name: rule.Name, Title: rule.Title, Doc: rule.Fix})
	}
	for _, f := range r.Findings {
		run.Results = append(run.Results, sarif.Result{
			Rule: f.Rule, Level: f.Severity, Message: f.Message + ". Fix: " + f.Fix,
			File: f.File, Line: f.Line, Column: f.Column, Object: f.subject(),
		})
	}
	return sarif.Write(w, run)
}
