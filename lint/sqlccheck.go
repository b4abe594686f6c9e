package lint

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// CheckSQLC checks the queries of one block of a sqlc.yaml as [Check] does, and
// then what the types of the generated code depend on: a tenant parameter that
// sqlc does not give the tenant's type can be left out, or filled with any
// value, and the code still compiles.
//
// The error is an [*InputError].
func CheckSQLC(block SQLC, opts Options) (*Report, error) {
	schema, err := ReadSchema(block.SchemaPaths())
	if err != nil {
		return nil, err
	}
	files, err := ReadQueries(block.QueryPaths())
	if err != nil {
		return nil, err
	}
	opts.Roles = append(slices.Clone(opts.Roles), block.Roles...)
	r, err := Check(schema, files, opts)
	if err != nil {
		return nil, err
	}
	if block.CrossTenant {
		// On that handle a waiver is the reason why, whether rows of several
		// tenants are met or not.
		r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Rule == ruleWaiverUnused })
	}
	t := newTenancy(schema, opts.levels())
	c := &sqlcCheck{block: block, report: r, tenancy: t}
	c.queries()
	c.roles()
	if block.goBlock != nil {
		c.limit()
		c.overrides()
		c.stale(files)
	}
	r.sort()
	return r, nil
}

type sqlcCheck struct {
	block   SQLC
	report  *Report
	tenancy *tenancy
}

func (c *sqlcCheck) add(rule, message, fix string) {
	c.report.Findings = append(c.report.Findings, Finding{
		Rule: rule, Severity: severityOf(rule), File: c.block.Config, Line: c.block.goLine, Column: 1, Message: message, Fix: fix,
	})
}

func severityOf(rule string) Severity {
	if warnings[rule] {
		return Warning
	}
	return Error
}

// overridden reports whether the block gives tenant columns a type of their
// own. Where it does not, a cast loses nothing.
func (c *sqlcCheck) overridden() bool {
	return c.block.goBlock != nil && slices.ContainsFunc(c.block.goBlock.Overrides, func(o sqlcOverride) bool {
		return o.Column != "" && c.tenancy.names(lastPart(o.Column))
	})
}

func lastPart(column string) string { return column[strings.LastIndexByte(column, '.')+1:] }

// queries reports what the queries do that sqlc gets wrong.
func (c *sqlcCheck) queries() {
	pgx := c.block.goBlock != nil && strings.HasPrefix(c.block.goBlock.SQLPackage, "pgx/")
	for _, n := range c.report.notes {
		switch {
		case n.Rule == ruleLostType && !c.overridden(), n.Rule == ruleSlice && !pgx:
			continue
		}
		c.report.Findings = append(c.report.Findings, n)
	}
}

// limit checks query_parameter_limit. Above it sqlc puts the parameters in a
// struct, and a struct with a forgotten tenant compiles.
func (c *sqlcCheck) limit() {
	limit := 1
	if c.block.goBlock.Limit != nil {
		limit = *c.block.goBlock.Limit
	}
	most, name := 0, ""
	for query, n := range c.report.paramCounts {
		if n > most || n == most && query < name {
			most, name = n, query
		}
	}
	if most > limit {
		c.add(ruleParamLimit, fmt.Sprintf("query_parameter_limit is %d, but query %s has %d parameters: they become a struct, in which the tenant can be left out (set it to 32)", limit, name, most), "query_parameter_limit: 32")
	}
}

// overrides checks that the tenant column of every tenant table that the
// queries name has an override. "*.tenant_id" covers the tables of the default schema only.
func (c *sqlcCheck) overrides() {
	for _, o := range c.block.goBlock.Overrides {
		if o.DBType != "" && c.tenancy.types[o.DBType] && o.Column == "" && o.DBType != "uuid" {
			return // a domain of its own carries the type everywhere
		}
	}
	var missing []string
	for tab, e := range c.tenancy.tables {
		if !c.report.used[tab.Schema+"."+tab.Name] {
			continue
		}
		for _, column := range e.columns {
			if column != "" && !c.covered(tab, column) {
				missing = append(missing, tab.String()+"."+column)
			}
		}
	}
	if len(missing) == 0 {
		return
	}
	slices.Sort(missing)
	more := ""
	if len(missing) > 1 {
		more = fmt.Sprintf(" and %d more", len(missing)-1)
	}
	column := c.tenancy.levels[0].Columns[0]
	c.add(ruleOverride, fmt.Sprintf("column %s%s has no override, so its parameter is not of the tenant's type and any value fits (add one for \"*.*.%s\" and one for the tenants' key)", missing[0], more, column),
		fmt.Sprintf("- {column: \"*.*.%s\", go_type: github.com/watertight-go/watertight/tenancy.ID}", column))
}

func (c *sqlcCheck) covered(t *Table, column string) bool {
	return slices.ContainsFunc(c.block.goBlock.Overrides, func(o sqlcOverride) bool {
		parts := strings.Split(o.Column, ".")
		switch len(parts) {
		case 2:
			return t.Schema == "public" && matches(parts[0], t.Name) && matches(parts[1], column)
		case 3:
			return matches(parts[0], t.Schema) && matches(parts[1], t.Name) && matches(parts[2], column)
		}
		return false
	})
}

// matches compares one part of an override with a name, as sqlc does.
func matches(pattern, name string) bool {
	ok, err := filepath.Match(pattern, name)
	return err == nil && ok
}

// stale reports generated files without a query file: sqlc leaves them behind,
// "sqlc diff" does not see them, and their functions can still be called.
func (c *sqlcCheck) stale(files []File) {
	out := filepath.Join(c.block.Dir, c.block.goBlock.Out)
	suffix := c.block.goBlock.Suffix
	if suffix == "" {
		suffix = ".go"
	}
	generated, err := filepath.Glob(filepath.Join(escapeGlob(out), "*.sql"+suffix))
	if err != nil {
		return
	}
	for _, g := range generated {
		source := strings.TrimSuffix(filepath.Base(g), suffix)
		if slices.ContainsFunc(files, func(f File) bool { return filepath.Base(f.Name) == source }) {
			continue
		}
		src, err := os.ReadFile(g)
		if err != nil || !bytes.Contains(src, []byte("Code generated by sqlc")) {
			continue
		}
		c.report.Findings = append(c.report.Findings, Finding{
			Rule: ruleStaleFile, Severity: Warning, File: g, Line: 1, Column: 1, Object: source,
			Message: fmt.Sprintf("generated from %s, which is no longer there: its queries are checked by nobody (delete the file)", source), Fix: "delete the file",
		})
	}
}
