package evidence

import (
	"fmt"
	"slices"
	"strings"
)

// A Control is a demand of a standard, and what in this proof answers it.
type Control struct {
	Standard string `json:"standard"`
	ID       string `json:"id"`
	Demand   string `json:"demand"`
	Tests    string `json:"tests"`
	Result   string `json:"result"` // held, leaked, not proved, not tested
	Count    int    `json:"count"`  // tests that answered
}

// control says which attacks answer a demand: those whose names begin so.
type control struct {
	standard, id, demand string
	attacks              []string // "*" for all
	planted              bool     // the self-test answers it
	static               string   // the source whose findings answer it
}

var reads = []string{"select", "copy to", "cursor", "lock", "returning", "call", "prepared", "noninterference"}

var writes = []string{"insert", "update", "delete", "move", "upsert", "merge", "copy from", "truncate"}

// controlMap goes from a demand to the tests. It names what the proof shows,
// not that the whole control is met: organisational parts are not testable here.
var controlMap = []control{
	{"OWASP ASVS 5.0", "8.2.2", "Access to data-specific resources is limited to those with explicit permission (IDOR, BOLA)", append(slices.Clone(reads), writes...), false, ""},
	{"OWASP ASVS 5.0", "8.4.1", "Multi-tenant applications use cross-tenant controls so that operations never affect tenants without permission", []string{"*"}, false, ""},
	{"OWASP ASVS 5.0", "8.3.1", "Authorisation is enforced at a trusted service layer that an untrusted consumer cannot change", []string{"context", "forged", "pool reuse", "escalation"}, false, ""},
	{"OWASP ASVS 5.0", "1.2.4", "Database queries are protected from injection, or the database limits what it reaches", []string{"forged", "context"}, false, "lint"},
	{"OWASP Top 10 2021", "A01", "Broken access control: access by a changed key or parameter is refused", []string{"*"}, false, ""},
	{"SOC 2", "CC6.1", "Logical access security protects information assets from security events", []string{"*"}, false, "inspect"},
	{"SOC 2", "CC6.3", "Access to data is authorised, changed and removed by role, with least privilege", []string{"truncate", "call"}, false, "inspect"},
	{"SOC 2", "CC7.1", "Detection procedures find changes that introduce vulnerabilities", nil, true, ""},
	{"SOC 2", "C1.1", "Confidential information is identified and protected", reads, false, ""},
	{"ISO/IEC 27001:2022", "A.5.15", "Rules to control access to information are implemented", []string{"*"}, false, "inspect"},
	{"ISO/IEC 27001:2022", "A.8.3", "Access to information is restricted in line with the access control policy", append(slices.Clone(reads), writes...), false, ""},
	{"ISO/IEC 27001:2022", "A.8.12", "Data leakage prevention is applied to systems that hold sensitive information", append(slices.Clone(reads), "foreign key", "unique key", "exclusion"), false, ""},
	{"ISO/IEC 27001:2022", "A.8.29", "Security testing is defined and part of the development life cycle", nil, true, ""},
	{"GDPR", "Art. 5(1)(f)", "Personal data is protected against unauthorised processing (integrity and confidentiality)", []string{"*"}, false, ""},
	{"GDPR", "Art. 25", "Data protection by design and by default: data is not accessible to an indefinite number of persons", []string{"context", "select"}, false, "lint"},
	{"GDPR", "Art. 32(1)(d)", "A process for regularly testing the effectiveness of technical measures", nil, true, ""},
}

// controls works out what this proof says about each demand.
func (d *Document) controls() []Control {
	out := make([]Control, 0, len(controlMap))
	for _, c := range controlMap {
		r := Control{Standard: c.standard, ID: c.id, Demand: c.demand, Result: "not tested"}
		d.answerByAttacks(c, &r)
		var names []string
		switch {
		case c.planted:
			names = append(names, "self-test with planted leaks")
			d.answerBySelfTest(&r)
		case slices.Contains(c.attacks, "*"):
			names = append(names, "all attacks")
		default:
			names = append(names, strings.Join(c.attacks, ", "))
		}
		if c.static != "" {
			names = append(names, c.static)
			d.answerByFindings(c.static, &r)
		}
		r.Tests = strings.Join(names, "; ")
		out = append(out, r)
	}
	return out
}

func (d *Document) answerByAttacks(c control, r *Control) {
	for _, cell := range d.Cells {
		if !slices.ContainsFunc(c.attacks, func(a string) bool { return a == "*" || strings.HasPrefix(cell.Attack, a) }) || cell.Verdict == "no access" {
			continue
		}
		r.Count++
		r.worsen(map[string]string{"held": "held", "leaked": "leaked", "unproved": "not proved"}[cell.Verdict])
	}
}

func (d *Document) answerBySelfTest(r *Control) {
	for _, p := range d.Planted {
		if p.Where == "" {
			continue
		}
		r.Count++
		if p.Caught {
			r.worsen("held")
		} else {
			r.worsen("not proved")
		}
	}
}

func (d *Document) answerByFindings(source string, r *Control) {
	ran := source == "lint" && d.Proved > 0 || source == "inspect" && d.Rules > 0
	if ran {
		r.Count++
		r.worsen("held")
	}
	for _, f := range d.Findings {
		if f.Source == source && f.Severity == "error" {
			r.worsen("leaked")
		}
	}
}

// worsen keeps the worse of two results.
func (r *Control) worsen(result string) {
	order := []string{"not tested", "held", "not proved", "leaked"}
	if slices.Index(order, result) > slices.Index(order, r.Result) {
		r.Result = result
	}
}

// Anchor is the name of the control in the page.
func (c Control) Anchor() string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, fmt.Sprint(c.Standard, " ", c.ID))
}
