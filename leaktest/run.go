package leaktest

import (
	"errors"
	"testing"
)

// Run attacks the database and reports to a test: a subtest for each object,
// and in it one for each attack. A leak and an attack that could not be made
// both fail. See [Check] for everything else.
func Run(t *testing.T, cfg Config) Report {
	t.Helper()
	report, err := Check(t.Context(), cfg)
	if failed := early(err); failed != nil {
		t.Fatalf("the attack ended early, so nothing is proved: %v", failed)
	}
	shown := map[Finding]bool{}
	for _, object := range objectsOf(report.Cells) {
		t.Run(object, func(t *testing.T) {
			for _, c := range report.Cells {
				if c.Object == object {
					t.Run(c.Attack, func(t *testing.T) { c.report(t, report.Findings, shown) })
				}
			}
		})
	}
	for _, f := range report.Findings {
		switch {
		case shown[f]:
		case f.Severity == Error:
			t.Errorf("%s: %s: %s (%s)", f.Rule, f.subject(), f.Message, f.Fix)
		default:
			t.Logf("%s: %s: %s (%s)", f.Rule, f.subject(), f.Message, f.Fix)
		}
	}
	return report
}

// early is the part of an error of Check that is no finding.
func early(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		_, leak := errors.AsType[*Leak](err)
		_, open := errors.AsType[*Unproved](err)
		if leak || open {
			return nil
		}
		return err
	}
	var rest []error
	for _, e := range joined.Unwrap() {
		rest = append(rest, early(e))
	}
	return errors.Join(rest...)
}

func objectsOf(cells []Cell) []string {
	var names []string
	seen := map[string]bool{}
	for _, c := range cells {
		if !seen[c.Object] {
			seen[c.Object] = true
			names = append(names, c.Object)
		}
	}
	return names
}

// report fails the test of one attack, with the findings about its object.
func (c Cell) report(t *testing.T, findings []Finding, shown map[Finding]bool) {
	t.Helper()
	switch c.Verdict {
	case Leaked, NotProved:
	case Closed:
		t.Skip(c.Detail)
	default:
		return
	}
	said := false
	for _, f := range findings {
		if f.Severity == Error && (f.Table == c.Object || f.Query == c.Object || f.Object == c.Kind+" "+c.Object) {
			said = true
			shown[f] = true
			t.Errorf("%s: %s: %s (%s)", f.Rule, f.subject(), f.Message, f.Fix)
		}
	}
	if !said && c.Lock != "database" || c.Verdict == NotProved && !said {
		t.Errorf("%s: %s", c.Verdict, c.Detail)
	}
}
