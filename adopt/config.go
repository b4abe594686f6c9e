package adopt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Config says what to read. The zero value finds the tenants by itself and says
// what it found.
type Config struct {
	// TenantTable is the table with a row for each tenant, such as
	// "public.organizations". Defaults to the table that tenant columns refer to.
	TenantTable string

	// TenantColumn is the column that says whose a row is, such as
	// "organization_id". Defaults to the best-known name that occurs.
	TenantColumn string

	// Decisions are the answers to questions of an earlier run.
	Decisions Decisions

	// Progress, if not nil, is told which table is being looked at.
	Progress func(done, total int, what string)
}

// Decisions are what a person decided. The keys are names as questions show
// them: a table "public.countries", a foreign key "public.orders.orders_buyer_fkey",
// a function "public.stats(bigint)".
type Decisions struct {
	Tables     map[string]TableDecision `yaml:"tables"`
	References map[string]string        `yaml:"references"` // drop
	Functions  map[string]string        `yaml:"functions"`  // invoker, revoke or keep
}

// A TableDecision says whose the rows of a table are.
type TableDecision struct {
	// Kind is "shared": every tenant reads the rows and nobody writes them; or
	// "closed": the table is not for the application. Empty for a table of
	// tenants' rows.
	Kind string `yaml:"kind"`

	// Column is the column that refers to the table of tenants.
	Column string `yaml:"column"`

	// From is an expression over the row t that gives the tenant's key, for
	// instance of a polymorphic reference.
	From string `yaml:"from"`
}

// UnmarshalYAML also takes the bare words shared and closed.
func (d *TableDecision) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		d.Kind = n.Value
		return nil
	}
	type plain TableDecision
	return n.Decode((*plain)(d))
}

// ReadDecisions reads a file of decisions. A file that is not there holds none.
func ReadDecisions(path string) (Decisions, error) {
	var d Decisions
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, fmt.Errorf("read the decisions: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(content))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil && !errors.Is(err, io.EOF) {
		return d, fmt.Errorf("read the decisions in %s: %w", path, err)
	}
	return d, d.validate(path)
}

func (d Decisions) validate(path string) error {
	for name, t := range d.Tables {
		given := 0
		for _, s := range []string{t.Kind, t.Column, t.From} {
			if s != "" {
				given++
			}
		}
		if given != 1 || t.Kind != "" && t.Kind != "shared" && t.Kind != "closed" {
			return fmt.Errorf("the decision on table %s in %s is not understood (write shared, closed, {column: NAME} or {from: EXPRESSION})", name, path)
		}
	}
	for name, v := range d.References {
		if v != "drop" {
			return fmt.Errorf("the decision on the foreign key %s in %s is not understood (write drop)", name, path)
		}
	}
	for name, v := range d.Functions {
		if !slices.Contains([]string{"invoker", "revoke", "keep"}, v) {
			return fmt.Errorf("the decision on the function %s in %s is not understood (write invoker, revoke or keep)", name, path)
		}
	}
	return nil
}
