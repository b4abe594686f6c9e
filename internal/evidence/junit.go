package evidence

import (
	"encoding/xml"
	"fmt"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Skipped *struct{}     `xml:"skipped"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Error != nil {
		s.Errors++
	}
	s.Cases = append(s.Cases, c)
}

// JUnit writes every attack, planted leak and finding of lint and inspect as a
// test case.
func (d *Document) JUnit() ([]byte, error) {
	suites := map[string]*junitSuite{}
	order := []string{"table", "view", "function", "query", "database", "self-test", "lint", "inspect"}
	suite := func(name string) *junitSuite {
		if suites[name] == nil {
			suites[name] = &junitSuite{Name: name}
		}
		return suites[name]
	}
	for _, c := range d.Cells {
		tc := junitCase{Name: c.Attack + " (" + c.Lock + ")", Class: c.Object}
		switch c.Verdict {
		case "leaked":
			tc.Failure = &junitProblem{c.Detail, c.Control}
		case "unproved":
			tc.Error = &junitProblem{c.Detail, c.Control}
		case "no access":
			tc.Skipped = &struct{}{}
		}
		suite(c.Kind).add(tc)
	}
	for _, p := range d.Planted {
		tc := junitCase{Name: p.Class, Class: "planted"}
		switch {
		case p.Where == "":
			tc.Skipped = &struct{}{}
		case !p.Caught:
			tc.Failure = &junitProblem{"not caught", p.Where}
		}
		suite("self-test").add(tc)
	}
	for _, f := range d.Findings {
		if f.Source != "attack" && f.Severity == "error" {
			suite(f.Source).add(junitCase{Name: f.Rule, Class: f.Subject(), Failure: &junitProblem{f.Message, f.Fix}})
		}
	}
	out := junitSuites{Name: "watertight prove " + d.Database, Time: fmt.Sprintf("%.3f", d.Seconds)}
	for _, name := range order {
		if s := suites[name]; s != nil {
			out.Suites = append(out.Suites, *s)
			out.Tests, out.Failures, out.Errors = out.Tests+s.Tests, out.Failures+s.Failures, out.Errors+s.Errors
		}
	}
	body, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the JUnit report: %w", err)
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}
