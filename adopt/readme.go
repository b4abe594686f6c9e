package adopt

import (
	"bytes"
	_ "embed"
	"fmt"
	"text/template"
)

//go:embed readme.tmpl
var readmeText string

var readmeTemplate = template.Must(template.New("README.md").Parse(readmeText))

// readme describes the plan for those who decide on it.
func (p *Plan) readme() ([]byte, error) {
	last := 0
	for _, s := range p.Steps {
		if !s.Contract {
			last = s.Number
		}
	}
	var b bytes.Buffer
	if err := readmeTemplate.Execute(&b, struct {
		*Plan
		Last int
	}{p, last}); err != nil {
		return nil, fmt.Errorf("write the plan's README: %w", err)
	}
	return b.Bytes(), nil
}
