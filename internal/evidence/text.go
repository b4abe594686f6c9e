package evidence

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Text is the report for a terminal.
func (d *Document) Text() []byte {
	var b strings.Builder
	for _, f := range d.Findings {
		severity := f.Severity
		if f.Unproved {
			severity = "not proved"
		}
		fmt.Fprintf(&b, "%s: %s %s: %s\n    fix: %s\n", severity, f.Rule, f.Subject(), f.Message, f.Fix)
	}
	for _, a := range d.Assumed {
		fmt.Fprintf(&b, "assumed: %s\n", a)
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	caught, planted := d.caught()
	for _, p := range d.Planted {
		if p.Where != "" && !p.Caught {
			fmt.Fprintf(&b, "self-test: not caught: %s in %s\n", p.Class, p.Where)
		}
	}
	leaks, unproved, warnings := d.Count()
	fmt.Fprintf(&b, "lint: %d of %d queries proved\n", d.Proved, d.Queries)
	fmt.Fprintf(&b, "inspect: %d rules\nattack: %d tables, %d rows, %d attacks, as %s %s\n", d.Rules, d.Tables, d.Rows, d.Attacks, d.AppRole, d.Where)
	if len(d.Planted) > 0 {
		fmt.Fprintf(&b, "self-test: %d of %d planted leaks caught (%d %%)\n", caught, planted, 100*caught/max(planted, 1))
	}
	fmt.Fprintf(&b, "%s: %d leaks, %d not proved, %d warnings, %d waived (%.1f s)\n", d.Verdict, leaks, unproved, warnings, len(d.Waivers), d.Seconds)
	return []byte(b.String())
}

// caught counts the planted leaks.
func (d *Document) caught() (caught, planted int) {
	for _, p := range d.Planted {
		if p.Where != "" {
			planted++
			if p.Caught {
				caught++
			}
		}
	}
	return caught, planted
}

// JSON is the whole document.
func (d *Document) JSON() ([]byte, error) { return indented(d) }

// Summary is the findings in the form that all commands print.
func (d *Document) Summary() ([]byte, error) {
	found := d.Findings
	if found == nil {
		found = []Finding{}
	}
	leaks, unproved, _ := d.Count()
	caught, planted := d.caught()
	return indented(map[string]any{
		"findings": found, "queries": d.Queries, "proved": d.Proved, "waived": len(d.Waivers), "verdict": d.Verdict,
		"leaks": leaks, "unproved": unproved, "planted": planted, "caught": caught, "tables": d.Tables, "attacks": d.Attacks,
	})
}

func indented(v any) ([]byte, error) {
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return append(out, '\n'), nil
}
