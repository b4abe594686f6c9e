// Package sarif writes findings as SARIF 2.1.0 (OASIS), the format in which
// code hosts show findings beside the lines they are about.
//
// It writes what those hosts read, and no more: one run, its rules, and for
// each finding a rule, a level, a message and a place.
package sarif

import (
	"encoding/json"
	"io"
	"path/filepath"
)

// anchor is the file that findings about a database are put at. A database has
// no files, and GitHub refuses a whole upload for one result without a file.
const anchor = "watertight.yaml"

// A Run is the outcome of one command.
type Run struct {
	Tool    string // such as "watertight lint"
	Version string // may be empty
	Rules   []Rule
	Results []Result
}

// A Rule is what a result refers to. Only ID is needed.
type Rule struct {
	ID, Name, Title, Doc string
	// Level is "error" or "warning", or empty if results of the rule differ.
	Level string
}

// A Result is one finding.
type Result struct {
	Rule    string
	Level   string // "error" or "warning"
	Message string

	// File, Line and Column are where it is; the lines and columns begin at 1.
	// Without a file the result is at the project's configuration.
	File         string
	Line, Column int

	// Object is the table, policy, key or role concerned, if there is one.
	Object string
	// Print recognises the finding when its line has moved; it may be empty.
	Print string
}

// Write writes the run.
func Write(w io.Writer, r Run) error {
	out := run{Tool: tool{driver{
		Name: r.Tool, Version: r.Version, URI: "https://github.com/watertight-go/watertight", Rules: []rule{},
	}}, Results: []result{}}
	for _, item := range r.Rules {
		out.Tool.Driver.Rules = append(out.Tool.Driver.Rules, item.object())
	}
	for _, item := range r.Results {
		out.Results = append(out.Results, item.object())
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(log{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []run{out}})
}

func (r Rule) object() rule {
	out := rule{ID: r.ID, Name: r.Name}
	if r.Title != "" {
		out.Short = &text{r.Title}
	}
	if r.Doc != "" {
		out.Full = &text{r.Doc}
	}
	if r.Level != "" {
		out.Config = &config{r.Level}
	}
	return out
}

func (r Result) object() result {
	place := location{Physical: physical{artifact{anchor}, region{1, 1}}}
	if r.File != "" {
		place.Physical = physical{artifact{filepath.ToSlash(r.File)}, region{max(r.Line, 1), max(r.Column, 1)}}
	}
	if r.Object != "" {
		place.Logical = []logical{{r.Object, "object"}}
	}
	out := result{Rule: r.Rule, Level: r.Level, Message: text{r.Message}, Locations: []location{place}}
	if r.Print != "" {
		out.Prints = map[string]string{"watertight/v1": r.Print}
	}
	return out
}

// The names of the format.
type (
	log struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []run  `json:"runs"`
	}
	run struct {
		Tool    tool     `json:"tool"`
		Results []result `json:"results"`
	}
	tool struct {
		Driver driver `json:"driver"`
	}
	driver struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
		URI     string `json:"informationUri"`
		Rules   []rule `json:"rules"`
	}
	rule struct {
		ID     string  `json:"id"`
		Name   string  `json:"name,omitempty"`
		Short  *text   `json:"shortDescription,omitempty"`
		Full   *text   `json:"fullDescription,omitempty"`
		Config *config `json:"defaultConfiguration,omitempty"`
	}
	config struct {
		Level string `json:"level"`
	}
	text struct {
		Text string `json:"text"`
	}
	result struct {
		Rule      string            `json:"ruleId"`
		Level     string            `json:"level"`
		Message   text              `json:"message"`
		Locations []location        `json:"locations"`
		Prints    map[string]string `json:"partialFingerprints,omitempty"`
	}
	location struct {
		Physical physical  `json:"physicalLocation"`
		Logical  []logical `json:"logicalLocations,omitempty"`
	}
	physical struct {
		Artifact artifact `json:"artifactLocation"`
		Region   region   `json:"region"`
	}
	artifact struct {
		URI string `json:"uri"`
	}
	region struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn"`
	}
	logical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
)
