package lint

import (
	"io"

	"github.com/watertight-go/watertight/internal/sarif"
)

// WriteSARIF writes the report as SARIF 2.1.0, the format in which code hosts
// show findings beside the lines they are about.
func (r *Report) WriteSARIF(w io.Writer) error {
	run := sarif.Run{Tool: "watertight lint"}
	for _, rule := range Rules() {
		run.Rules = append(run.Rules, sarif.Rule{
			ID: rule.ID, Name: rule.Name, Title: rule.Title, Doc: rule.Doc, Level: string(rule.Severity),
		})
	}
	for _, f := range r.Findings {
		run.Results = append(run.Results, sarif.Result{
			Rule: f.Rule, Level: string(f.Severity), Message: f.Message,
			File: f.File, Line: f.Line, Column: f.Column, Print: f.File + "|" + f.identity(),
		})
	}
	return sarif.Write(w, run)
}
