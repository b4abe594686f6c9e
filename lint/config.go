package lint

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// SQLC is one sql block of a sqlc.yaml.
type SQLC struct {
	Config  string // the file
	Dir     string // its folder, which its paths are relative to
	Schema  []string
	Queries []string
	// CrossTenant says that the block's queries run on the handle of
	// tenancy/crosstenant: every query of it carries a waiver.
	CrossTenant bool
	// Roles are the team's own roles, and DefaultRoles those of a query that
	// has no watertight:roles comment; nil when the block does not say.
	Roles, DefaultRoles []string

	goBlock *sqlcGo
	line    int
	goLine  int
}

// sqlcGo is the part of gen.go that the checks look at.
type sqlcGo struct {
	Out        string         `yaml:"out"`
	SQLPackage string         `yaml:"sql_package"`
	Limit      *int           `yaml:"query_parameter_limit"`
	Suffix     string         `yaml:"output_files_suffix"`
	Overrides  []sqlcOverride `yaml:"overrides"`
}

type sqlcOverride struct {
	Column string    `yaml:"column"`
	DBType string    `yaml:"db_type"`
	GoType yaml.Node `yaml:"go_type"`
}

// paths is a YAML value that is one word or a list of them.
type paths []string

func (p *paths) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*p = paths{n.Value}
		return nil
	}
	return n.Decode((*[]string)(p))
}

type sqlcFile struct {
	Version  string      `yaml:"version"`
	SQL      []yaml.Node `yaml:"sql"`
	Packages []yaml.Node `yaml:"packages"`
	// Overrides of version 2 for all blocks.
	Overrides struct {
		Go struct {
			Overrides []sqlcOverride `yaml:"overrides"`
		} `yaml:"go"`
	} `yaml:"overrides"`
}

type sqlcBlock struct {
	Schema  paths  `yaml:"schema"`
	Queries paths  `yaml:"queries"`
	Engine  string `yaml:"engine"`
	Gen     struct {
		Go yaml.Node `yaml:"go"`
	} `yaml:"gen"`
	Codegen []struct {
		Options struct {
			Handle       string `yaml:"handle"`
			Roles        paths  `yaml:"roles"`
			DefaultRoles paths  `yaml:"default_roles"`
		} `yaml:"options"`
	} `yaml:"codegen"`
}

// ReadSQLC reads the PostgreSQL blocks of a sqlc.yaml or sqlc.json.
//
// The error is an [*InputError].
func ReadSQLC(path string) ([]SQLC, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	var f sqlcFile
	if err := yaml.Unmarshal(src, &f); err != nil {
		return nil, &InputError{File: path, Msg: err.Error() + " (sqlc must accept the file)"}
	}
	var out []SQLC
	for _, n := range slices.Concat(f.SQL, f.Packages) {
		var b sqlcBlock
		if err := n.Decode(&b); err != nil {
			return nil, &InputError{File: path, Line: n.Line, Msg: err.Error() + " (sqlc must accept the file)"}
		}
		if b.Engine != "" && b.Engine != "postgresql" && f.Version != "1" {
			continue
		}
		s := SQLC{Config: path, Dir: filepath.Dir(path), Schema: b.Schema, Queries: b.Queries, line: n.Line}
		for _, c := range b.Codegen {
			s.CrossTenant = s.CrossTenant || c.Options.Handle == "crosstenant"
			s.Roles = append(s.Roles, c.Options.Roles...)
			s.DefaultRoles = append(s.DefaultRoles, c.Options.DefaultRoles...)
		}
		if b.Gen.Go.Kind != 0 {
			s.goBlock, s.goLine = &sqlcGo{}, b.Gen.Go.Line
			if err := b.Gen.Go.Decode(s.goBlock); err != nil {
				return nil, &InputError{File: path, Line: s.goLine, Msg: err.Error() + " (sqlc must accept the file)"}
			}
			s.goBlock.Overrides = append(s.goBlock.Overrides, f.Overrides.Go.Overrides...)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, &InputError{File: path, Msg: "no sql block for postgresql (name the schema and the queries under sql)"}
	}
	return out, nil
}

// SchemaPaths returns the schema paths, relative to the working directory.
func (s SQLC) SchemaPaths() []string { return s.resolve(s.Schema) }

// QueryPaths returns the query paths, relative to the working directory.
func (s SQLC) QueryPaths() []string { return s.resolve(s.Queries) }

func (s SQLC) resolve(list []string) []string {
	var out []string
	for _, p := range list {
		if !filepath.IsAbs(p) {
			p = filepath.Join(s.Dir, p)
		}
		out = append(out, p)
	}
	return out
}

// ReadOptions reads the lint section of a watertight.yaml:
//
//	lint:
//	  tenant_columns: [tenant_id]
//	  levels:
//	    - {name: organization, columns: [organization_id], table: organizations}
//	    - {name: project, columns: [project_id]}
//	  functions: [app.price]   # known to read no table
//	  roles: [dispatcher]      # the team's own, for watertight:roles comments
//
// Other sections are those of other commands. A file that does not exist is
// the zero value.
func ReadOptions(path string) (Options, error) {
	src, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Options{}, nil
	}
	if err != nil {
		return Options{}, fileError(path, err)
	}
	var f struct {
		Lint yaml.Node `yaml:"lint"`
	}
	if err := yaml.Unmarshal(src, &f); err != nil {
		return Options{}, &InputError{File: path, Msg: err.Error() + " (write it as YAML)"}
	}
	if f.Lint.Kind == 0 {
		return Options{}, nil
	}
	var l struct {
		Columns []string `yaml:"tenant_columns"`
		Levels  []struct {
			Name    string   `yaml:"name"`
			Columns []string `yaml:"columns"`
			Table   string   `yaml:"table"`
		} `yaml:"levels"`
		Functions []string `yaml:"functions"`
		Roles     []string `yaml:"roles"`
	}
	if err := strictDecode(&f.Lint, &l); err != nil {
		return Options{}, &InputError{File: path, Line: f.Lint.Line, Msg: err.Error() + " (lint has tenant_columns, levels, functions and roles)"}
	}
	o := Options{TenantColumns: l.Columns, Functions: l.Functions, Roles: l.Roles}
	for _, v := range l.Levels {
		if len(v.Columns) == 0 {
			return Options{}, &InputError{File: path, Line: f.Lint.Line, Msg: "a level of lint has no columns (name the columns that carry it)"}
		}
		o.Levels = append(o.Levels, Level{Name: v.Name, Columns: v.Columns, Table: v.Table})
	}
	return o, nil
}

// strictDecode decodes a node and refuses keys that the target does not have: a
// misspelt key would weaken the proof without a word.
func strictDecode(n *yaml.Node, into any) error {
	text, err := yaml.Marshal(n)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	return dec.Decode(into)
}
