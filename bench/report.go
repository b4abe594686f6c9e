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
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/watertight-go/watertight/bench/internal/chart"
	"github.com/watertight-go/watertight/bench/internal/figures"
	"github.com/watertight-go/watertight/bench/internal/ways"
)

//go:embed comparison.md.tmpl
var page string

// write puts the page, its plots and the raw figures into a folder.
func (r *results) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := r.markdown(&text); err != nil {
		return err
	}
	raw, err := r.json()
	if err != nil {
		return err
	}
	files := map[string][]byte{"comparison.md": text.Bytes(), "comparison.json": raw}
	for name, c := range r.charts() {
		var drawing bytes.Buffer
		if err := c.Write(&drawing); err != nil {
			return fmt.Errorf("draw %s: %w", name, err)
		}
		files[name] = drawing.Bytes()
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// json has one cell a line, so that two runs can be compared.
func (r *results) json() ([]byte, error) {
	head := *r
	head.Cells = nil
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimSuffix(text, []byte("null}"))
	lines := make([]string, len(r.Cells))
	for i, c := range r.Cells {
		line, err := json.Marshal(c.rounded())
		if err != nil {
			return nil, err
		}
		lines[i] = string(line)
	}
	return append(text, "[\n"+strings.Join(lines, ",\n")+"\n]}\n"...), nil
}

// rounded leaves out the digits that mean nothing.
func (c *cell) rounded() cell {
	to := func(values []float64) []float64 {
		rounded := make([]float64, len(values))
		for i, v := range values {
			rounded[i] = math.Round(v)
		}
		return rounded
	}
	copied := *c
	copied.Nanoseconds, copied.Client, copied.Server, copied.Allocs = to(c.Nanoseconds), to(c.Client), to(c.Server), to(c.Allocs)
	return copied
}

// table is a table of the page.
type table struct {
	Title string
	Head  []string
	Rows  [][]string
}

func (t table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.Head, " | "), strings.Repeat("---|", len(t.Head)))
	for _, row := range t.Rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

func (r *results) markdown(w io.Writer) error {
	verdicts, err := r.verdicts()
	if err != nil {
		return err
	}
	networks, err := r.networkTables()
	if err != nil {
		return err
	}
	bulk, err := r.bulkTable()
	if err != nil {
		return err
	}
	held := 0
	for _, v := range verdicts {
		if v.held() {
			held++
		}
	}
	t, err := template.New("comparison").Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"Results": r, "Ways": r.settings.kinds, "Slice": r.Slice, "Measured": r.measured(),
		"Targets": targetTable(verdicts), "Held": held, "Of": len(verdicts),
		"Networks": networks, "Bulk": bulk, "Usage": r.usageTables(), "Charts": r.chartNames(),
	})
}

// measured says what the emulated round trips came out as.
func (r *results) measured() string {
	var list []string
	for _, roundTrip := range r.settings.roundTrips {
		list = append(list, fmt.Sprintf("%s: %.2f ms", networkName(roundTrip), float64(r.Measured[roundTrip])/float64(time.Millisecond)))
	}
	return strings.Join(list, ", ")
}

func targetTable(verdicts []verdict) table {
	t := table{Head: []string{"operation", "way", "network", "goroutines", "at most", "came out", ""}}
	for _, v := range verdicts {
		t.Rows = append(t.Rows, []string{
			v.operation, v.way, networkName(v.roundTrip), fmt.Sprint(v.goroutines),
			fmt.Sprintf("%.2f", v.limit), v.ratio.String(), v.String(),
		})
	}
	return t
}

// statements are the operations that are not bulk, bulk those that are.
func (r *results) statements() []ways.Operation {
	return slices.DeleteFunc(slices.Clone(r.settings.operations), func(o ways.Operation) bool { return o.Rows > 0 })
}

func (r *results) bulk() []ways.Operation {
	return slices.DeleteFunc(slices.Clone(r.settings.operations), func(o ways.Operation) bool { return o.Rows == 0 })
}

// others are the ways beside the floor that have a cell for one of these.
func (r *results) others(operations []ways.Operation) []ways.Kind {
	return slices.DeleteFunc(slices.Clone(r.settings.kinds), func(k ways.Kind) bool {
		return k.Name == "raw" || !slices.ContainsFunc(operations, k.Measures)
	})
}

// networkTables has a table for each round trip.
func (r *results) networkTables() ([]table, error) {
	others := r.others(r.statements())
	if len(others) == 0 {
		return nil, nil
	}
	var tables []table
	for _, roundTrip := range r.settings.roundTrips {
		t := table{Title: networkName(roundTrip), Head: []string{"goroutines", "operation", "raw, µs"}}
		for _, k := range others {
			t.Head = append(t.Head, k.Title)
		}
		for _, n := range r.settings.goroutines {
			for _, o := range r.statements() {
				row, err := r.ratioRow(o, roundTrip, n, others)
				if err != nil {
					return nil, err
				}
				t.Rows = append(t.Rows, append([]string{fmt.Sprint(n), o.Title}, row...))
			}
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// ratioRow is the floor's time and the others' ratios to it.
func (r *results) ratioRow(o ways.Operation, roundTrip time.Duration, goroutines int, others []ways.Kind) ([]string, error) {
	floor := r.find(o.Name, roundTrip, goroutines, "raw")
	if floor == nil {
		return nil, fmt.Errorf("%s was measured without the floor", o.Name)
	}
	row := []string{fmt.Sprintf("%.0f", figures.Of(floor.Nanoseconds).Median/1000)}
	for _, k := range others {
		c := r.find(o.Name, roundTrip, goroutines, k.Name)
		if c == nil {
			row = append(row, "")
			continue
		}
		ratio, err := r.ratio(c)
		if err != nil {
			return nil, err
		}
		row = append(row, ratio.String())
	}
	return row, nil
}

func (r *results) bulkTable() (table, error) {
	others := r.others(r.bulk())
	t := table{Head: []string{"rows", "network", "COPY without row-level security, µs"}}
	for _, k := range others {
		t.Head = append(t.Head, k.Title)
	}
	if len(others) == 0 {
		return t, nil
	}
	for _, o := range r.bulk() {
		for _, roundTrip := range r.settings.roundTrips {
			row, err := r.ratioRow(o, roundTrip, r.settings.goroutines[0], others)
			if err != nil {
				return t, err
			}
			t.Rows = append(t.Rows, append([]string{fmt.Sprint(o.Rows), networkName(roundTrip)}, row...))
		}
	}
	return t, nil
}

// usageTables say who works for an operation, where no proxy works along.
func (r *results) usageTables() []table {
	if !slices.Contains(r.settings.roundTrips, loopback) {
		return nil
	}
	n := r.settings.goroutines[0]
	parts := []struct {
		title string
		of    func(*cell) []float64
		unit  float64
	}{
		{"CPU of the client, µs", func(c *cell) []float64 { return c.Client }, 1000},
		{"CPU of the server, µs", func(c *cell) []float64 { return c.Server }, 1000},
		{"allocations of the client", func(c *cell) []float64 { return c.Allocs }, 1},
	}
	var tables []table
	for _, part := range parts {
		t := table{Title: part.title, Head: []string{"operation"}}
		for _, k := range r.settings.kinds {
			t.Head = append(t.Head, k.Title)
		}
		for _, o := range r.settings.operations {
			row := []string{o.Title}
			for _, k := range r.settings.kinds {
				row = append(row, amount(r.find(o.Name, loopback, n, k.Name), part.of, part.unit))
			}
			t.Rows = append(t.Rows, row)
		}
		tables = append(tables, t)
	}
	return tables
}

func amount(c *cell, of func(*cell) []float64, unit float64) string {
	if c == nil {
		return ""
	}
	median := figures.Of(of(c)).Median
	if !(median > 0) {
		return "–" // this system does not say
	}
	return fmt.Sprintf("%.0f", median/unit)
}

// chartNames are the files of the plots.
func (r *results) chartNames() []string {
	charts := r.charts()
	names := make([]string, 0, len(charts))
	for _, roundTrip := range r.settings.roundTrips {
		if name := chartName(roundTrip); charts[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

func chartName(roundTrip time.Duration) string {
	return "comparison-" + strings.ReplaceAll(networkName(roundTrip), " ", "") + ".svg"
}

// charts has one plot for each network.
func (r *results) charts() map[string]*chart.Chart {
	charts := map[string]*chart.Chart{}
	kinds := slices.DeleteFunc(r.others(r.statements()), func(k ways.Kind) bool { return k.Name == "batched" })
	if len(kinds) == 0 {
		return charts
	}
	for _, roundTrip := range r.settings.roundTrips {
		c := &chart.Chart{
			Title: "Time of an operation, over raw pgx without row-level security: " + networkName(roundTrip),
			Unit:  "times raw pgx", Line: 1,
		}
		for _, k := range kinds {
			c.Bars = append(c.Bars, k.Title)
		}
		for _, n := range r.settings.goroutines {
			p := chart.Panel{Title: fmt.Sprintf("%d goroutines", n)}
			if n == 1 {
				p.Title = "1 goroutine"
			}
			for _, o := range r.statements() {
				g := chart.Group{Title: o.Title}
				for _, k := range kinds {
					g.Values = append(g.Values, r.value(o, roundTrip, n, k))
				}
				p.Groups = append(p.Groups, g)
			}
			c.Panel = append(c.Panel, p)
		}
		charts[chartName(roundTrip)] = c
	}
	return charts
}

func (r *results) value(o ways.Operation, roundTrip time.Duration, goroutines int, k ways.Kind) chart.Value {
	c := r.find(o.Name, roundTrip, goroutines, k.Name)
	if c == nil {
		return chart.None
	}
	ratio, err := r.ratio(c)
	if err != nil {
		return chart.None
	}
	return chart.Value{Height: ratio.Median, Low: ratio.Low, High: ratio.High}
}
