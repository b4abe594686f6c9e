package lint

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
)

// Baseline is the list of findings that an old code base had when it began to
// use lint. A finding on the list is not reported; a finding that is no longer
// there must be taken off the list, so that it only shrinks.
type Baseline struct {
	Findings []BaselineEntry `json:"findings"`
}

// BaselineEntry names a finding without its line, which moves with every edit.
type BaselineEntry struct {
	File  string `json:"file"`
	Query string `json:"query"`
	Rule  string `json:"rule"`
	Table string `json:"table"`
	Count int    `json:"count"`
}

// NewBaseline returns the baseline of the findings of a report. Findings about
// input that cannot be judged are left out: they are never accepted.
func NewBaseline(r *Report) *Baseline {
	b := &Baseline{Findings: []BaselineEntry{}}
	for _, f := range r.Findings {
		if f.broken {
			continue
		}
		e := f.entry()
		if i := b.index(e); i >= 0 {
			b.Findings[i].Count++
			continue
		}
		e.Count = 1
		b.Findings = append(b.Findings, e)
	}
	return b
}

func (f Finding) entry() BaselineEntry {
	return BaselineEntry{File: f.File, Query: f.Query, Rule: f.Rule, Table: f.Table}
}

func (b *Baseline) index(e BaselineEntry) int {
	return slices.IndexFunc(b.Findings, func(o BaselineEntry) bool {
		return o.File == e.File && o.Query == e.Query && o.Rule == e.Rule && o.Table == e.Table
	})
}

// ReadBaseline reads a baseline file.
//
// The error is an [*InputError].
func ReadBaseline(path string) (*Baseline, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	var b Baseline
	dec := json.NewDecoder(strings.NewReader(string(src)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return nil, &InputError{File: path, Msg: err.Error() + " (write the file with --write-baseline)"}
	}
	return &b, nil
}

// Write writes the baseline to a file. A baseline that exists may only shrink:
// an entry that it does not have is an error.
func (b *Baseline) Write(path string) error {
	old, err := ReadBaseline(path)
	switch {
	case err == nil:
		for _, e := range b.Findings {
			if i := old.index(e); i < 0 || old.Findings[i].Count < e.Count {
				return &InputError{File: path, Msg: "the baseline would grow by " + e.Rule + " of query " + e.Query + " (fix the query; a baseline only shrinks)"}
			}
		}
	case !errors.Is(err, os.ErrNotExist) && fileExists(path):
		return err
	}
	out, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(out, '\n'), 0o644); err != nil {
		return fileError(path, err)
	}
	return nil
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Subtract takes the findings of the baseline out of the report, and reports
// the entries of it that nothing matches any more.
func (r *Report) Subtract(b *Baseline, path string) {
	left := slices.Clone(b.Findings)
	var kept []Finding
	for _, f := range r.Findings {
		i := slices.IndexFunc(left, func(e BaselineEntry) bool {
			return e.Count > 0 && e.File == f.File && e.Query == f.Query && e.Rule == f.Rule && e.Table == f.Table
		})
		if i >= 0 && !f.broken {
			left[i].Count--
			continue
		}
		kept = append(kept, f)
	}
	for _, e := range left {
		if e.Count > 0 {
			kept = append(kept, Finding{
				Rule: ruleBaselineStale, Severity: Error, File: path, Line: 1, Column: 1, Query: e.Query, Table: e.Table, Object: e.Rule,
				Message: e.Rule + " of query " + e.Query + " in " + e.File + " is in the baseline but no longer found (write the baseline again, so that it cannot come back)",
				Fix:     "watertight lint --write-baseline",
			})
		}
	}
	r.Findings = append([]Finding{}, kept...)
	r.sort()
}
