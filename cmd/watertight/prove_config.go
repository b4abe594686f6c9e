package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/schema"
)

// proveConfig is watertight.yaml.
type proveConfig struct {
	Schema        []string    `yaml:"schema"`
	Setup         []string    `yaml:"setup"` // SQL to run on the database beside the schema
	Queries       []string    `yaml:"queries"`
	Database      string      `yaml:"database"`
	Watertight    *bool       `yaml:"watertight"`
	AppRole       string      `yaml:"app_role"`
	TenantColumns []string    `yaml:"tenant_columns"`
	TenantSetting string      `yaml:"tenant_setting"`
	Enter         string      `yaml:"enter"`
	Schemas       []string    `yaml:"schemas"`
	Seed          string      `yaml:"seed"`
	Waivers       []waiverFor `yaml:"waivers"`

	path   string
	folder string
}

// waiverFor accepts a finding. The empty Object means every finding of the rule.
type waiverFor struct {
	Rule   string `yaml:"rule"`
	Object string `yaml:"object"`
	Reason string `yaml:"reason"`

	used bool
}

// readProveConfig reads the file. Paths in it are relative to it, and $NAME in
// the database's URL is taken from the environment, so that no password has to
// stand in a file.
func readProveConfig(path string, getenv func(string) string) (*proveConfig, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s (write one as watertight prove --help shows, or name it by -c)", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	cfg := &proveConfig{path: path, folder: filepath.Dir(path)}
	dec := yaml.NewDecoder(bytes.NewReader(content))
	dec.KnownFields(true)
	if err := dec.Decode(cfg); err != nil {
		return nil, fmt.Errorf("read %s: %w (watertight prove --help shows the fields)", path, err)
	}
	cfg.Database = os.Expand(cfg.Database, getenv)
	for _, list := range [][]string{cfg.Schema, cfg.Setup, cfg.Queries} {
		for i, p := range list {
			if !filepath.IsAbs(p) {
				list[i] = filepath.Join(cfg.folder, p)
			}
		}
	}
	if cfg.Seed != "" && !filepath.IsAbs(cfg.Seed) {
		cfg.Seed = filepath.Join(cfg.folder, cfg.Seed)
	}
	return cfg, cfg.validate()
}

func (cfg *proveConfig) validate() error {
	if len(cfg.Schema) == 0 && cfg.Database == "" {
		return fmt.Errorf("%s names neither a schema nor a database (set schema: to the migrations, or database:)", cfg.path)
	}
	if len(cfg.Queries) > 0 && len(cfg.Schema) == 0 {
		return fmt.Errorf("%s names queries without a schema (set schema: to what sqlc reads)", cfg.path)
	}
	for _, w := range cfg.Waivers {
		if w.Rule == "" || strings.TrimSpace(w.Reason) == "" {
			return fmt.Errorf("a waiver in %s has no rule or no reason (a waiver says why)", cfg.path)
		}
		if w.Rule == leaktest.Unprovable {
			return fmt.Errorf("a waiver in %s is for %s, which says that nothing was proved: that cannot be accepted as proof (mend what its message names, such as rows that the seed must make)", cfg.path, w.Rule)
		}
	}
	return nil
}

// installs says whether Watertight's own schema goes first. By default it does
// where the team's schema calls it.
func (cfg *proveConfig) installs() bool {
	if cfg.Watertight != nil {
		return *cfg.Watertight
	}
	files, err := sqlFilesOf(append(append([]string(nil), cfg.Schema...), cfg.Setup...))
	if err != nil {
		return false
	}
	for _, name := range files {
		if content, err := os.ReadFile(name); err == nil && bytes.Contains(content, []byte("watertight.protect")) {
			return true
		}
	}
	return false
}

// sqlFilesOf lists .sql files and those in folders, by name.
func sqlFilesOf(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		if !info.IsDir() {
			out = append(out, p)
			continue
		}
		found, err := filepath.Glob(filepath.Join(p, "*.sql")) // sorted
		if err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// teamFiles lists SQL files without Watertight's own migrations, which a
// configuration may name because sqlc needs them.
func (cfg *proveConfig) teamFiles(paths []string) ([]string, error) {
	files, err := sqlFilesOf(paths)
	if err != nil || !cfg.installs() {
		return files, err
	}
	var out []string
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		own, err := fs.ReadFile(schema.Files(), filepath.Base(name))
		if err != nil || !bytes.Equal(own, content) {
			out = append(out, name)
		}
	}
	return out, nil
}

// A script is one file of a schema, cut to what goes up.
type script struct{ file, sql string }

// scripts returns the team's schema and what else sets the database up.
func (cfg *proveConfig) scripts() ([]script, error) {
	files, err := cfg.teamFiles(slices.Concat(cfg.Schema, cfg.Setup))
	if err != nil {
		return nil, err
	}
	list := make([]script, len(files))
	for i, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		list[i] = script{name, upOnly(name, string(content))}
	}
	return list, nil
}

// upOnly cuts a migration of goose, dbmate or golang-migrate to what goes up.
func upOnly(name, sql string) string {
	if strings.HasSuffix(name, ".down.sql") {
		return ""
	}
	for _, down := range []string{"-- +goose Down", "-- migrate:down", "-- +migrate Down"} {
		if i := strings.Index(sql, down); i >= 0 {
			sql = sql[:i]
		}
	}
	return sql
}
