package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/watertight-go/watertight/internal/sarif"
)

// WriteText writes the report for people: what was assumed, each finding with
// its fix, and one line of counts.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, s := range r.Assumed {
		fmt.Fprintf(&b, "assumed: %s\n", s)
	}
	for _, s := range r.Unseen {
		fmt.Fprintf(&b, "not seen: %s\n", s)
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s [%s]\n", f.Severity, f.Message, f.Rule)
		fmt.Fprintf(&b, "    object: %s\n    fix: %s\n\n", f.Object, f.Fix)
	}
	errors := r.Errors()
	fmt.Fprintf(&b, "%s, role %s, %d rules: %s, %s\n", count(r.Tables, "tenant table"), r.AppRole, r.Rules,
		count(errors, "error"), count(len(r.Findings)-errors, "warning"))
	_, err := io.WriteString(w, b.String())
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// MarshalJSON gives the object that lint and attack print, too. "proved" counts
// the tenant tables that no error is about; inspect has no queries and no
// waivers.
func (r Report) MarshalJSON() ([]byte, error) {
	list := r.Findings
	if list == nil {
		list = []Finding{}
	}
	bad := map[string]bool{}
	for _, f := range list {
		if f.Severity == Error && f.Table != "" {
			bad[f.Table] = true
		}
	}
	return json.Marshal(struct {
		Findings []Finding `json:"findings"`
		Queries  int       `json:"queries"`
		Proved   int       `json:"proved"`
		Waived   int       `json:"waived"`
		AppRole  string    `json:"app_role"`
		Tables   int       `json:"tables"`
		Rules    int       `json:"rules"`
		Assumed  []string  `json:"assumed,omitempty"`
		Unseen   []string  `json:"unseen,omitempty"`
	}{list, 0, max(0, r.Tables-len(bad)), 0, r.AppRole, r.Tables, r.Rules, r.Assumed, r.Unseen})
}

// WriteJSON writes the report as JSON.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteSARIF writes the report as SARIF 2.1.0, with the object of each finding
// as a logical location: a catalogue has no files.
func (r Report) WriteSARIF(w io.Writer) error {
	rules, err := Rules()
	if err != nil {
		return err
	}
	run := sarif.Run{Tool: "watertight inspect"}
	for _, rule := range rules {
		run.Rules = append(run.Rules, sarif.Rule{ID: rule.ID, Name: rule.Name, Title: rule.Title, Doc: rule.Doc})
	}
	for _, f := range r.Findings {
		run.Results = append(run.Results, sarif.Result{Rule: f.Rule, Level: f.Severity, Message: f.Message + ". Fix: " + f.Fix, Object: f.Object})
	}
	return sarif.Write(w, run)
}
