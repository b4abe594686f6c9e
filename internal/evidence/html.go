package evidence

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

//go:embed report.tmpl
var page string

var parsed = template.Must(template.New("report").Funcs(template.FuncMap{
	"sign": sign, "class": func(v string) string { return strings.ReplaceAll(v, " ", "-") }, "join": strings.Join,
}).Parse(page))

// sign is what stands in a cell, so that colour is never the only difference.
func sign(verdict string) string {
	switch verdict {
	case "held":
		return "✓"
	case "leaked":
		return "✗"
	case "unproved", "not proved":
		return "?"
	case "no access":
		return "–"
	}
	return ""
}

// HTML writes the document as one page that needs nothing else.
func (d *Document) HTML() ([]byte, error) {
	leaks, unproved, warnings := d.Count()
	caught, planted := d.caught()
	var out bytes.Buffer
	err := parsed.Execute(&out, map[string]any{
		"D": d, "Leaks": leaks, "Unproved": unproved, "Warnings": warnings, "Caught": caught, "PlantedCount": planted,
		"Tables": d.matrix("table", tableColumns, columnOf), "Columns": tableColumns,
		"Objects": d.ofKinds("view", "function", "database"),
		"Queries": d.matrix("query", []string{"all", "query", "database"}, func(c Cell) string { return c.Lock }),
	})
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}

// tableColumns are the columns of the matrix of tables.
var tableColumns = []string{"select", "copy", "cursor", "lock", "insert", "update", "delete", "move", "upsert", "merge", "truncate", "keys", "context", "pool", "prepared"}

// columnOf gathers attacks that differ in detail.
func columnOf(c Cell) string {
	for _, p := range []struct{ prefix, column string }{
		{"copy", "copy"},
		{"returning", "update"},
		{"foreign key", "keys"},
		{"unique key", "keys"},
		{"exclusion", "keys"},
		{"context", "context"},
		{"pool", "pool"},
		{"escalation", "context"},
		{"all", "select"},
	} {
		if strings.HasPrefix(c.Attack, p.prefix) {
			return p.column
		}
	}
	return c.Attack
}

// A Line is a line of a matrix.
type Line struct {
	Name  string
	Cells []Square
}

// A Square is one cell of a matrix: the worst of what falls into it.
type Square struct {
	Verdict, Title string
}

func (d *Document) matrix(kind string, columns []string, column func(Cell) string) []Line {
	var lines []Line
	index := map[string]int{}
	for _, c := range d.Cells {
		if c.Kind != kind {
			continue
		}
		i, ok := index[c.Object]
		if !ok {
			i = len(lines)
			index[c.Object] = i
			lines = append(lines, Line{c.Object, make([]Square, len(columns))})
		}
		if k := slices.Index(columns, column(c)); k >= 0 {
			lines[i].Cells[k].add(c)
		}
	}
	return lines
}

func (s *Square) add(c Cell) {
	order := []string{"", "no access", "held", "unproved", "leaked"}
	if slices.Index(order, c.Verdict) > slices.Index(order, s.Verdict) {
		s.Verdict = c.Verdict
		s.Title = strings.TrimSpace(c.Attack + ": " + c.Verdict + ". " + c.Detail)
	}
}

func (d *Document) ofKinds(kinds ...string) []Cell {
	var out []Cell
	for _, c := range d.Cells {
		if slices.Contains(kinds, c.Kind) {
			out = append(out, c)
		}
	}
	return out
}
