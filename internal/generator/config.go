package generator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/sqlcplugin"
	"go.yaml.in/yaml/v3"
)

// PluginCommand is the name of the plugin's program in sqlc.yaml.
const PluginCommand = "sqlc-gen-watertight"

// minParameterLimit is the least query_parameter_limit. Above the limit sqlc
// passes parameters in a struct, in which a forgotten tenant compiles.
const minParameterLimit = 32

// Config is the part of sqlc's configuration that matters here.
type Config struct {
	Path   string  // the file
	Blocks []Block // one per entry of sql
}

// Block is one entry of sql: query files and the package made of them.
type Block struct {
	Schema  []string
	Queries []string
	Outs    []string // folders, relative to the configuration's
	Sealed  bool     // the plugin writes its db.go
}

// file mirrors sqlc's own configuration, version 2.
type file struct {
	Version string `yaml:"version"`
	Plugins []struct {
		Name    string `yaml:"name"`
		Process struct {
			Cmd    string `yaml:"cmd"`
			Format string `yaml:"format"`
		} `yaml:"process"`
	} `yaml:"plugins"`
	Overrides struct {
		Go struct {
			Overrides []override `yaml:"overrides"`
		} `yaml:"go"`
	} `yaml:"overrides"`
	SQL []block `yaml:"sql"`
}

type block struct {
	Schema  paths `yaml:"schema"`
	Queries paths `yaml:"queries"`
	Gen     struct {
		Go   *golang               `yaml:"go"`
		JSON *struct{ Out string } `yaml:"json"`
	} `yaml:"gen"`
	Codegen []struct {
		Plugin  string `yaml:"plugin"`
		Out     string `yaml:"out"`
		Options struct {
			Handle sqlcplugin.Handle `yaml:"handle"`
		} `yaml:"options"`
	} `yaml:"codegen"`
}

type golang struct {
	Package         string `yaml:"package"`
	Out             string `yaml:"out"`
	SQLPackage      string `yaml:"sql_package"`
	DBFile          string `yaml:"output_db_file_name"`
	ParameterLimit  int    `yaml:"query_parameter_limit"`
	DBArgument      bool   `yaml:"emit_methods_with_db_argument"`
	ExportedQueries bool   `yaml:"emit_exported_queries"`

	Overrides []override `yaml:"overrides"`
}

// override gives columns another Go type.
type override struct {
	GoType goType `yaml:"go_type"`
}

// goType is "import/path.Type", or the same in parts.
type goType string

func (t *goType) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*t = goType(n.Value)
		return nil
	}
	var parts struct {
		Import string `yaml:"import"`
		Type   string `yaml:"type"`
	}
	if err := n.Decode(&parts); err != nil {
		return err
	}
	*t = goType(parts.Import + "." + parts.Type)
	return nil
}

// tenantType ends the name of the type that tenant columns need.
const tenantType = "/tenancy.ID"

// paths is a path or a list of them.
type paths []string

func (p *paths) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*p = paths{n.Value}
		return nil
	}
	return n.Decode((*[]string)(p))
}

// configNames are the names sqlc looks for, in its order.
var configNames = []string{"sqlc.yaml", "sqlc.yml", "sqlc.json"}

// ReadConfig reads the configuration at path. When path is empty it looks for
// one in the working directory. It returns an error for a configuration whose
// code would compile without a tenant, all reasons at once.
func ReadConfig(path string) (*Config, error) {
	path, err := findConfig(path)
	if err != nil {
		return nil, err
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f file
	if err := yaml.Unmarshal(src, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if f.Version != "2" {
		return nil, fmt.Errorf(`%s has version %q (write version: "2"; sqlc's documentation says how to convert version 1)`, path, f.Version)
	}
	plugin, err := f.plugin()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	conf := &Config{Path: path}
	var errs []error
	for i := range f.SQL {
		b, err := f.SQL[i].read(plugin, f.Overrides.Go.Overrides)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: sql[%d]: %w", path, i, err))
		}
		conf.Blocks = append(conf.Blocks, b)
	}
	if !conf.sealsAny() {
		errs = append(errs, fmt.Errorf("%s: no sql block has the plugin %s, so nothing would be checked (watertight generate --help shows the block)", path, plugin))
	}
	return conf, errors.Join(errs...)
}

func findConfig(path string) (string, error) {
	if path != "" {
		return path, nil
	}
	for _, name := range configNames {
		if _, err := os.Stat(name); err == nil {
			return name, nil
		}
	}
	return "", errors.New("there is no sqlc.yaml here (change to the folder that has it, or name it with --config)")
}

// plugin returns the name under which the configuration knows the plugin.
func (f *file) plugin() (string, error) {
	for _, p := range f.Plugins {
		cmd := p.Process.Cmd
		if strings.TrimSuffix(filepath.Base(cmd), ".exe") != PluginCommand {
			continue
		}
		if cmd != PluginCommand {
			return "", fmt.Errorf("plugin %s: process.cmd is %q (write cmd: %s, without a folder: the plugin of this very program is put on the PATH)", p.Name, cmd, PluginCommand)
		}
		if p.Process.Format != "json" {
			return "", fmt.Errorf("plugin %s: process.format is %q (write format: json)", p.Name, p.Process.Format)
		}
		return p.Name, nil
	}
	return "", fmt.Errorf("no plugin runs %s (watertight generate --help shows the block)", PluginCommand)
}

func (b *block) read(plugin string, global []override) (Block, error) {
	out := Block{Schema: b.Schema, Queries: b.Queries}
	sealedOut, tenants := "", true
	for _, c := range b.Codegen {
		out.Outs = append(out.Outs, filepath.Clean(c.Out))
		if c.Plugin == plugin {
			out.Sealed, sealedOut = true, filepath.Clean(c.Out)
			tenants = c.Options.Handle != sqlcplugin.CrossTenant
		}
	}
	if b.Gen.JSON != nil {
		out.Outs = append(out.Outs, filepath.Clean(b.Gen.JSON.Out))
	}
	if b.Gen.Go == nil {
		if out.Sealed {
			return out, errors.New("the plugin has no generator beside it (add gen: go, or take the plugin out)")
		}
		return out, nil
	}
	out.Outs = append(out.Outs, filepath.Clean(b.Gen.Go.Out))
	if !out.Sealed {
		return out, nil
	}
	err := b.Gen.Go.validate(sealedOut)
	if tenants && !hasTenantType(slices.Concat(global, b.Gen.Go.Overrides)) {
		err = errors.Join(err, errors.New(`no override gives tenant columns their type, so any UUID would do (add {column: "*.*.tenant_id", go_type: `+sqlcplugin.TenancyPath+`.ID} to gen.go.overrides)`))
	}
	return out, err
}

// hasTenantType reports whether some column becomes a tenancy.ID. The path
// before it is not looked at, so that a vendored copy will do.
func hasTenantType(overrides []override) bool {
	return slices.ContainsFunc(overrides, func(o override) bool {
		return strings.HasSuffix(string(o.GoType), tenantType)
	})
}

// validate returns all options under which the plugin's db.go would not be the
// one that is compiled, or a forgotten tenant would compile.
func (g *golang) validate(pluginOut string) error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if filepath.Clean(g.Out) != pluginOut {
		refuse("gen.go writes to %s and the plugin to %s (give both the same out)", g.Out, pluginOut)
	}
	if g.SQLPackage != "pgx/v5" {
		refuse("gen.go.sql_package is %q (write sql_package: pgx/v5, which the handle is made for)", g.SQLPackage)
	}
	if !strings.HasPrefix(g.DBFile, "_") {
		refuse("gen.go.output_db_file_name is %q, so sqlc's db.go would be compiled (write output_db_file_name: _db.go)", g.DBFile)
	}
	if g.ParameterLimit < minParameterLimit {
		refuse("gen.go.query_parameter_limit is %d, so a call without a tenant would compile (write query_parameter_limit: %d)", g.ParameterLimit, minParameterLimit)
	}
	if g.ExportedQueries {
		refuse("gen.go.emit_exported_queries gives the texts other names than the table of roles knows them by (remove it)")
	}
	if g.DBArgument {
		refuse("gen.go.emit_methods_with_db_argument takes the handle out of New (remove it)")
	}
	return errors.Join(errs...)
}

func (c *Config) sealsAny() bool {
	for _, b := range c.Blocks {
		if b.Sealed {
			return true
		}
	}
	return false
}
