package watertight_test

import (
	"go/ast"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pattern is something that must never occur in this code base, because it
// would undo what the packages promise. Tests and generated code are not looked
// at: tests do forbidden things to see them refused.
type pattern struct {
	name string
	why  string
	// allowed names the files that need it, by path or by folder with a slash,
	// and why. An entry that nothing needs any more fails the test.
	allowed map[string]string

	// Each that is set gets what its name says and returns what is wrong with it.
	inSQL    func(script string) []string       // a .sql file
	inString func(value string) []string        // a string of Go code
	inGo     func(node ast.Node) []string       // any node of Go code
	inText   func(line string) (found []string) // a line of any file
}

var patterns = []pattern{
	{
		name: "session setting",
		why:  "a SET without LOCAL follows the connection back into the pool, to the next tenant",
		allowed: map[string]string{
			"examples/bookings/tour.go":      "tries it as an attack",
			"bench/internal/ways/setting.go": "the popular way, whose cost is measured",
		},
		inSQL:    sessionSettings,
		inString: sessionSettings,
	},
	{
		name: "simple protocol",
		why:  "the simple protocol takes several statements in one text, so an injected one can end the tenant's transaction",
		allowed: map[string]string{
			"tenancy/config.go": "names the mode to refuse it",
			"leaktest/pgtest/":  "sets databases up with scripts of several statements",
		},
		inGo: simpleProtocol,
	},
	{
		name: "SQL in Go",
		why:  "SQL belongs in .sql files, where sqlc and lint read it",
		allowed: map[string]string{
			"tenancy/sql.go":            "the statements of the handle itself",
			"tenancy/tx.go":             "the savepoints of the handle",
			"tenancy/copy.go":           "the insert that stands for COPY",
			"tenancy/placement/":        "one look-up, in the context of the tenant that is looked up",
			"tenancy/bootstrap/":        "the two look-ups, which no handle of a tenant may call",
			"schema/":                   "calls of its own functions",
			"audit/sealer.go":           "calls of its own functions, as a role that no handle has",
			"audit/prune.go":            "calls of its own functions, as a role that no handle has",
			"crypto/keystore/stored.go": "the savepoints of an attack in a transaction of the leak suite",
			"leaktest/":                 "attacks, and makes databases and roles",
			"internal/catalog/":         "reads pg_catalog",
			"lifecycle/":                "names of tables are known at run time only",
			"inspect/":                  "reads pg_catalog",
			"adopt/":                    "writes a plan for tables whose names are known at run time only",
			"lint/":                     "shows SQL to add",

			"examples/bookings/tour.go": "attacks",

			"bench/": "what is measured, on tables whose names differ",
		},
		inString: sqlInGo,
	},
	{
		name: "unsafe",
		why:  "package unsafe and linkname can forge a Scope or a Conn",
		inGo: forgery,
	},
	{
		name:   "registry host",
		why:    "packages come through the ordinary clients, as each machine has them set up",
		inText: registryHosts,
	},
}

func TestPatternsDoNotOccur(t *testing.T) {
	t.Parallel()
	for _, p := range patterns {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			found, unused := p.scan(t, os.DirFS("."))
			for _, f := range found {
				t.Errorf("%s: %s", f, p.why)
			}
			for _, name := range unused {
				t.Errorf("%s needs no exception any more (take it out of allowed)", name)
			}
		})
	}
}

// Each of these matches both as a statement of a script and inside PL/pgSQL,
// also in a string that is executed. What may precede SET in a statement that
// is not one (UPDATE t SET, ALTER ROLE r SET, CREATE FUNCTION … SET) does not.
var (
	setStatement  = regexp.MustCompile(`(?is)(?:^|;|'|\$\w*\$|\b(?:begin|then|else|loop)\b)\s*(?:--[^\n]*\s*)*(set\s+(?:session\s+)?(?:[a-z_][\w.]*\s*(?:=|\bto\b)|(?:role|authorization|characteristics|time\s+zone|names)\b)[^;']*)`)
	setConfigCall = regexp.MustCompile(`(?is)\bset_config\s*\((?:[^()]|\([^()]*\))*\)`)
	localSetting  = regexp.MustCompile(`(?is),\s*true\s*\)$`)
)

func sessionSettings(sql string) []string {
	var hits []string
	for _, m := range setStatement.FindAllStringSubmatch(sql, -1) {
		hits = append(hits, firstLine(m[1]))
	}
	for _, call := range setConfigCall.FindAllString(sql, -1) {
		if !localSetting.MatchString(call) {
			hits = append(hits, firstLine(call))
		}
	}
	return hits
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return strconv.Quote(line)
}

// sqlStatement is how a statement begins; prose does not. Single words count in
// lower case only: in upper case they are the tags that Postgres answers with.
var sqlStatement = regexp.MustCompile(`(?is)^\s*(?:--[^\n]*\n\s*)*(?:` + strings.Join([]string{
	`select\s.+`,
	`insert\s+into\b.*`,
	`update\s+\S+\s+set\b.*`,
	`delete\s+from\b.*`,
	`merge\s+into\b.*`,
	`with\s+(?:recursive\s+)?\w+(?:\s*\([^)]*\))?\s+as\b.*`,
	`truncate\s+\S+`,
	`copy\s+\S+\s+(?:from|to)\b.*`,
	`(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:table|role|schema|function|policy|database|extension|trigger|index|view|type|domain|event)\b.*`,
	`(?:grant|revoke)\s.+\son\s.+`,
	`(?:release\s+|rollback\s+to\s+)?savepoint\b.*`,
	`set\s+local\b.*`,
	`(?-i:begin(?:\s+read\s+only)?|commit|rollback)`,
}, "|") + `)\s*;?\s*$`)

func sqlInGo(value string) []string {
	if sqlStatement.MatchString(value) {
		return []string{firstLine(value)}
	}
	return nil
}

// simpleProtocol finds the modes of pgx that interpolate, and the Exec of the
// connection below pgx, which sends the text as it is.
func simpleProtocol(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		if name := n.Sel.Name; name == "QueryExecModeSimpleProtocol" || name == "PreferSimpleProtocol" {
			return []string{name}
		}
	case *ast.CallExpr:
		exec, ok := n.Fun.(*ast.SelectorExpr)
		if !ok || exec.Sel.Name != "Exec" && exec.Sel.Name != "SendSimpleQuery" {
			return nil
		}
		if inner, ok := exec.X.(*ast.CallExpr); ok {
			if sel, ok := inner.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "PgConn" {
				return []string{"PgConn()." + exec.Sel.Name}
			}
		}
	}
	return nil
}

func forgery(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.ImportSpec:
		if n.Path.Value == `"unsafe"` {
			return []string{"import of unsafe"}
		}
	case *ast.Comment:
		if strings.HasPrefix(n.Text, "//go:linkname") {
			return []string{n.Text}
		}
	}
	return nil
}

// registryHost is how the hosts of registries and their mirrors are named.
var registryHost = regexp.MustCompile(`\b(?:registry|proxy|sum|index|repo\d?|mirrors?|files)(?:-\d)?\.[a-z][a-z0-9-]*\.(?:org|com|io|dev)\b`)

func registryHosts(line string) []string { return registryHost.FindAllString(line, -1) }
