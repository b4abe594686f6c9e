package evidence

import (
	"bytes"
	"fmt"

	"github.com/watertight-go/watertight/internal/sarif"
)

// SARIF writes the findings for code scanning.
func (d *Document) SARIF() ([]byte, error) {
	run, seen := sarif.Run{Tool: "watertight prove", Version: d.Watertight}, map[string]bool{}
	for _, f := range d.Findings {
		if !seen[f.Rule] {
			seen[f.Rule] = true
			run.Rules = append(run.Rules, sarif.Rule{ID: f.Rule})
		}
		run.Results = append(run.Results, sarif.Result{
			Rule: f.Rule, Level: f.Severity, Message: f.Message + ". Fix: " + f.Fix,
			File: f.File, Line: f.Line, Column: f.Column, Object: f.Subject(),
		})
	}
	var out bytes.Buffer
	if err := sarif.Write(&out, run); err != nil {
		return nil, fmt.Errorf("write the SARIF report: %w", err)
	}
	return out.Bytes(), nil
}
