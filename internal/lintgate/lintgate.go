// Package lintgate puts package lint before sqlc's code generation: a query
// that is not proved to stay within its tenant gets no code.
//
// sqlc hands its plugin the text of each query with stars expanded and
// parameters numbered, and the schema without its keys. The proof needs the
// keys, and a finding needs its line and column, so the gate reads the files
// themselves. It fails when it cannot: sqlc then writes nothing.
package lintgate

import (
	"fmt"

	"github.com/watertight-go/watertight/internal/sqlcplugin"
	"github.com/watertight-go/watertight/lint"
)

// Config is the file in which the tenant columns of a project may be named,
// relative to the folder of sqlc.yaml.
const Config = "watertight.yaml"

// Gates returns all gates, in the order they run. Both programs that act as the
// plugin take them from here, so that neither can run with fewer.
func Gates() []sqlcplugin.Gate {
	return []sqlcplugin.Gate{sqlcplugin.HandleGate, Gate}
}

// Gate is a [sqlcplugin.Gate], which also fills in who may run each query.
// Warnings do not stop the generation.
func Gate(r *sqlcplugin.Request, o sqlcplugin.Options) ([]sqlcplugin.Finding, error) {
	options, err := lint.ReadOptions(Config)
	if err != nil {
		return nil, err
	}
	block := lint.SQLC{
		Config: "sqlc.yaml", Dir: ".", Schema: r.Settings.Schema, Queries: r.Settings.Queries,
		CrossTenant: o.Handle == sqlcplugin.CrossTenant,
		Roles:       o.Roles, DefaultRoles: o.DefaultRoles,
	}
	report, err := lint.CheckSQLC(block, options)
	if err != nil {
		return nil, fmt.Errorf("prove the queries: %w", err)
	}
	r.Roles = report.Roles
	var found []sqlcplugin.Finding
	for _, f := range report.Findings {
		if f.Severity != lint.Error {
			continue
		}
		found = append(found, sqlcplugin.Finding{
			Position: sqlcplugin.Position{File: f.File, Line: f.Line, Column: f.Column},
			Query:    f.Query, Message: f.Message,
		})
	}
	return found, nil
}
