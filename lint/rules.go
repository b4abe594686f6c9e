package lint

import (
	"embed"
	"io/fs"
	"strings"
	"sync"
)

// Rule is the page of one rule. Everything but the text is derived from the
// folder it lies in: rules/wtl001-unpinned-read is WTL001, unpinned-read.
type Rule struct {
	ID       string // WTL001
	Name     string // unpinned-read
	Title    string // the first line of the page
	Severity Severity
	Doc      string // the page, in Markdown
}

//go:embed rules
var ruleFiles embed.FS

// warnings are the rules whose findings let nothing across by themselves.
var warnings = map[string]bool{ruleLostType: true, ruleParamLimit: true, ruleOverride: true, ruleStaleFile: true}

var rulePages = sync.OnceValue(func() []Rule {
	entries, err := fs.ReadDir(ruleFiles, "rules")
	if err != nil {
		panic("lint: the rules are not embedded: " + err.Error())
	}
	var out []Rule
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		doc, err := fs.ReadFile(ruleFiles, "rules/"+e.Name()+"/doc.md")
		if err != nil {
			panic("lint: rule without a page: " + err.Error())
		}
		id, name, _ := strings.Cut(e.Name(), "-")
		title, body, _ := strings.Cut(strings.TrimPrefix(string(doc), "# "), "\n")
		r := Rule{ID: strings.ToUpper(id), Name: name, Title: title, Severity: Error, Doc: strings.TrimSpace(body)}
		if warnings[r.ID] {
			r.Severity = Warning
		}
		out = append(out, r)
	}
	return out
})

// Rules returns the rules in the order of their ids.
func Rules() []Rule { return rulePages() }
