package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"github.com/watertight-go/watertight/bench/internal/figures"
)

//go:embed growth.md.tmpl
var page string

// flat is how much more a point read may take with the most tenants than with
// the fewest, in tables of the same size.
const flat = 1.15

// write puts the page and the raw figures into a folder.
func (r *results) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := r.markdown(&text); err != nil {
		return err
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	// One figure of many a line, so that two runs can be compared.
	raw = append(bytes.ReplaceAll(raw, []byte(`{"step"`), []byte("\n"+`{"step"`)), '\n')
	for name, content := range map[string][]byte{"growth.md": text.Bytes(), "growth.json": raw} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// row is a line of the page's tables.
type row struct {
	Step      step
	Operation string
	Micros    string
	Ratio     figures.Spread
	CPU       string // the ratio of the CPU time
	Floor     string // how the floor grew from the first step to this one
	OverFloor string // the ratio to the floor of the same step
}

func (r *results) markdown(w io.Writer) error {
	first := r.Cells[0].Step
	growth, err := r.compare(
		func(c *cell) bool { return c.Table == "items" && !c.Raw },
		func(c *cell) *cell { return r.find(first, "items", c.Operation, false) })
	if err != nil {
		return err
	}
	if err := r.addFloor(growth); err != nil {
		return err
	}
	parts, err := r.compare(
		func(c *cell) bool { return c.Table == "parts" },
		func(c *cell) *cell { return r.find(c.Step, "items", c.Operation, false) })
	if err != nil {
		return err
	}
	whole, sorts := 0, 0
	for _, p := range r.Plans {
		whole += len(p.Whole)
		if p.Sorts {
			sorts++
		}
	}
	t, err := template.New("growth").Funcs(template.FuncMap{"thousands": thousands, "megabytes": megabytes}).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"Results": r, "Growth": growth, "Parts": parts, "Flat": r.verdict(growth), "Rounds": r.settings.rounds,
		"Partitions": r.settings.partitions, "Plans": len(r.Plans), "Whole": whole, "Sorts": sorts, "First": first,
	})
}

// addFloor says of each line what plain pgx without row-level security does on
// the same rows: what grows there as well is Postgres' own.
func (r *results) addFloor(growth []row) error {
	for i, line := range growth {
		floor := r.find(line.Step, "items", line.Operation, true)
		if floor == nil {
			continue
		}
		grown, err := figures.Ratios(floor.Nanoseconds, r.find(r.Cells[0].Step, "items", line.Operation, true).Nanoseconds)
		if err != nil {
			return err
		}
		over, err := figures.Ratios(r.find(line.Step, "items", line.Operation, false).Nanoseconds, floor.Nanoseconds)
		if err != nil {
			return err
		}
		growth[i].Floor, growth[i].OverFloor = figures.Of(grown).String(), figures.Of(over).String()
	}
	return nil
}

// compare divides each wanted cell by the one that it is to be compared with.
func (r *results) compare(wanted func(*cell) bool, with func(*cell) *cell) ([]row, error) {
	var rows []row
	for _, c := range r.Cells {
		if !wanted(c) {
			continue
		}
		floor := with(c)
		ratios, err := figures.Ratios(c.Nanoseconds, floor.Nanoseconds)
		if err != nil {
			return nil, err
		}
		cpu := figures.Of(c.CPU).Median / figures.Of(floor.CPU).Median
		line := row{Step: c.Step, Operation: c.Operation, Micros: fmt.Sprintf("%.0f", figures.Of(c.Nanoseconds).Median/1000), Ratio: figures.Of(ratios), CPU: "–"}
		if !math.IsNaN(cpu) && !math.IsInf(cpu, 0) {
			line.CPU = fmt.Sprintf("%.2f", cpu)
		}
		rows = append(rows, line)
	}
	return rows, nil
}

func (r *results) find(s step, table, operation string, raw bool) *cell {
	for _, c := range r.Cells {
		if c.Step == s && c.Table == table && c.Operation == operation && c.Raw == raw {
			return c
		}
	}
	return nil
}

// verdict says whether the point read stayed flat over the tenants.
func (r *results) verdict(growth []row) string {
	first := r.Cells[0].Step
	last := first
	for _, line := range growth {
		if line.Step.Rows == first.Rows && line.Step.Tenants > last.Tenants {
			last = line.Step
		}
	}
	for _, line := range growth {
		if line.Step != last || line.Operation != "point" || last == first {
			continue
		}
		text := fmt.Sprintf("A point read with %s tenants takes %s times what it takes with %s, in a table of the same size: ",
			thousands(last.Tenants), line.Ratio, thousands(first.Tenants))
		switch {
		case line.Ratio.Median <= flat:
			return text + fmt.Sprintf("held (at most %.2f).", flat)
		case line.Ratio.Low <= flat:
			return text + fmt.Sprintf("**missed** (at most %.2f), within the spread.", flat)
		}
		return text + fmt.Sprintf("**missed** (at most %.2f).", flat)
	}
	return "One number of tenants is no growth: nothing to say."
}

// thousands writes 1000000 as 1,000,000.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
