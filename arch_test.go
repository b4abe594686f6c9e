package watertight_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// module is the path of this module.
const module = "github.com/watertight-go/watertight"

// arrows is the architecture: what each package imports beside the standard
// library. A folder of this module stands for its package, anything else for a
// module. Everything points down to tenancy; nothing points up. A new line or a
// new edge is a decision, so this test fails until somebody writes it down here.
//
// Files are read with go/parser. A version that asked "go list" came back as
// "(cached) ok" after an arrow was broken: the go command does not see that a
// test depends on the source of a package it does not import.
var arrows = map[string][]string{
	// The root of every arrow.
	"tenancy":               {"tenancy/internal/gate", pgx, uuid},
	"tenancy/internal/gate": {},
	"tenancy/crosstenant":   {"tenancy", "tenancy/internal/gate", pgx},
	"tenancy/unverified":    {"tenancy", "tenancy/internal/gate"},
	"tenancy/support":       {"tenancy", "tenancy/internal/gate", uuid},
	"tenancy/recording":     {"tenancy", "tenancy/internal/gate"},
	"tenancy/bootstrap":     {"tenancy", "tenancy/internal/gate", pgx, uuid},
	"tenancy/custody":       {"tenancy", "tenancy/internal/gate", "tenancy/unverified", uuid},
	"tenancy/placement":     {"tenancy", "tenancy/unverified", pgx, uuid},

	// Secrets.
	"crypto":                   {"tenancy", "crypto/internal/envelope", uuid, xcrypto, xtext},
	"crypto/insecurekeys":      {"tenancy", "crypto"},
	"crypto/internal/envelope": {},
	"crypto/kms":               {"crypto", gocloud},
	"crypto/keystore":          {"tenancy", "tenancy/crosstenant", "crypto", "query", "query/platform", pgx, uuid},

	// The library's own tables.
	"schema":              {"tenancy", pgx, goose},
	"query":               {"tenancy", uuid},
	"query/platform":      {"tenancy", "tenancy/crosstenant", uuid},
	"accounts/grpcauth":   {"tenancy", "accounts/middleware", grpc},
	"accounts/oidclogin":  {"tenancy", "accounts/middleware", oidc, uuid},
	"accounts/middleware": {"tenancy", "tenancy/unverified", uuid},
	"accounts": {
		"tenancy", "tenancy/bootstrap", "tenancy/crosstenant", "tenancy/support", "tenancy/unverified",
		"audit", "crypto", "query", "query/platform", pgx, uuid,
	},
	"accounts/session": {"tenancy", "tenancy/unverified", "accounts", "accounts/middleware", "audit", "crypto", "query", pgx, uuid, jwt},

	// The log.
	"audit": {"tenancy", "tenancy/crosstenant", "tenancy/recording", "tenancy/unverified", "query", "query/platform", pgx, uuid},

	// Files.
	"files": {
		"tenancy", "tenancy/crosstenant", "crypto", "audit", "query", "query/platform", "files/internal/stream",
		gocloud, pgx, uuid, xtext,
	},
	"files/internal/stream": {},

	// The tenant as a unit.
	"lifecycle":        {"tenancy", "tenancy/custody", "audit", "crypto", age, pgx, uuid},
	"lifecycle/bucket": {"tenancy", "lifecycle", gocloud},

	// The way in.
	"adopt": {"internal/catalog", "schema", pgx, yaml},

	// What a service tells of itself.
	"observe": {"tenancy", "audit", otel, otelMetric, otelTrace, pgx},

	// Proof.
	"lint":             {"internal/sarif", oliphant, protobuf, yaml},
	"lint/goanalysis":  {xtools},
	"inspect":          {"internal/catalog", "internal/sarif", pgx},
	"internal/catalog": {pgx},
	"leaktest":         {"tenancy", "internal/catalog", "internal/sarif", pgx},
	"leaktest/pgtest":  {"tenancy", "schema", pgx, uuid, testcontainers, embedded},

	// The commands, and what only they use.
	"internal/sqlcplugin": {},
	"internal/sarif":      {},
	"internal/evidence":   {"internal/sarif"},
	"internal/lintgate":   {"internal/sqlcplugin", "lint"},
	"internal/generator":  {"internal/sqlcplugin", yaml},
	"internal/scaffold":   {},
	"internal/needs":      {},
	"internal/doctor":     {"tenancy", "accounts", "inspect", "internal/generator", "schema", pgx, uuid},
	"internal/typecheck":  {},
	"internal/pooler":     {"tenancy", "internal/needs", pgx},
	"cmd/watertight": {
		"adopt", "tenancy", "tenancy/crosstenant", "accounts", "audit", "lifecycle", "query/platform", "schema", "crypto", "crypto/insecurekeys", "crypto/keystore", "crypto/kms", "lint", "inspect", "leaktest", "leaktest/pgtest",
		"internal/doctor", "internal/evidence", "internal/generator", "internal/lintgate", "internal/scaffold", "internal/sqlcplugin", age, pgx, uuid, yaml, gocloud, xterm,
	},
	"cmd/watertight-vet":      {"lint/goanalysis", xtools},
	"cmd/sqlc-gen-watertight": {"internal/lintgate", "internal/sqlcplugin"},

	// What it costs. Nothing imports these.
	"bench":                  {"bench/internal/chart", "bench/internal/delay", "bench/internal/figures", "bench/internal/ways", "leaktest/pgtest"},
	"bench/internal/chart":   {},
	"bench/internal/delay":   {xsys},
	"bench/internal/figures": {},
	"bench/internal/plans":   {pgx},
	"bench/internal/ways":    {"tenancy", "leaktest/pgtest", pgx, uuid},
	"bench/growth":           {"tenancy", "bench/internal/figures", "bench/internal/plans", "leaktest/pgtest", pgx, uuid},

	// What an auditor and a newcomer read.
	"docs":           {},
	"enforcement":    {},
	"faults":         {},
	"examples/adopt": {},
	"examples/bookings": {
		"tenancy", "leaktest", "examples/bookings/platform", "examples/bookings/service", "examples/bookings/site",
		"examples/bookings/store", pgx, uuid,
	},
	"examples/bookings/site": {
		"examples/bookings/api", "examples/bookings/desk", "examples/bookings/page", "examples/bookings/platform",
		"examples/bookings/web",
	},
	"examples/bookings/desk": {
		"tenancy", "accounts", "accounts/middleware", "crypto",
		"examples/bookings/page", "examples/bookings/service", "examples/bookings/store", uuid,
	},
	"examples/bookings/web": {
		"tenancy", "accounts", "accounts/middleware", "accounts/session", "crypto", "files",
		"examples/bookings/page", "examples/bookings/service", "examples/bookings/store", uuid,
	},
	"examples/bookings/page":    {},
	"examples/bookings/browser": {},
	"examples/bookings/api": {
		"tenancy", "accounts/middleware", "accounts/session", "crypto", "files", "examples/bookings/service", uuid,
	},
	"examples/bookings/service": {
		"tenancy", "accounts", "accounts/session", "audit", "crypto", "files", "lifecycle", "query",
		"examples/bookings/store", pgx, uuid,
	},
	"examples/bookings/platform": {
		"tenancy", "tenancy/crosstenant", "tenancy/support", "accounts", "accounts/session", "audit", "crypto", "crypto/keystore",
		"files", "lifecycle", "leaktest/pgtest", "examples/bookings/service", uuid,
	},
	"examples/bookings/store":  {"tenancy", uuid},
	"examples/registry":        {"tenancy", "examples/registry/people", uuid},
	"examples/registry/people": {"tenancy", pgx, uuid},
	"examples/worker":          {"tenancy", pgx, river},
}

const (
	pgx            = "github.com/jackc/pgx/v5"
	uuid           = "github.com/google/uuid"
	jwt            = "github.com/golang-jwt/jwt/v5"
	age            = "filippo.io/age"
	goose          = "github.com/pressly/goose/v3"
	oliphant       = "github.com/sqlc-dev/oliphant"
	protobuf       = "google.golang.org/protobuf"
	yaml           = "go.yaml.in/yaml/v3"
	gocloud        = "gocloud.dev"
	xcrypto        = "golang.org/x/crypto"
	xtext          = "golang.org/x/text"
	xterm          = "golang.org/x/term"
	xtools         = "golang.org/x/tools"
	xsys           = "golang.org/x/sys"
	grpc           = "google.golang.org/grpc"
	river          = "github.com/riverqueue/river"
	oidc           = "github.com/coreos/go-oidc/v3"
	testcontainers = "github.com/testcontainers/testcontainers-go"
	embedded       = "github.com/fergusstrange/embedded-postgres"
	otel           = "go.opentelemetry.io/otel"
	otelMetric     = "go.opentelemetry.io/otel/metric"
	otelTrace      = "go.opentelemetry.io/otel/trace"
	otelSDK        = "go.opentelemetry.io/otel/sdk" // its exporters in memory
	testify        = "github.com/stretchr/testify"
	gointernal     = "github.com/rogpeppe/go-internal"
	xmod           = "golang.org/x/mod" // its tlog and note are the other reader of the log's trees and checkpoints
)

// forTests are the modules that the tests of every package may import, beside
// what the package itself imports. Packages of this module are free to tests.
var forTests = []string{pgx, uuid, testify, gointernal, xmod, yaml, otelSDK}

// laws hold whatever the table says: they name the few packages that may import
// a thing, so that a line in the table cannot give it away.
var laws = []struct {
	imported, why string
	by            []string // folders; "x/" stands for all below x
}{
	{oliphant, "one package has the SQL parser, so that it can be changed", []string{"lint"}},
	{"leaktest/pgtest", "a library must not start a database server", []string{"cmd/watertight", "examples/", "bench", "bench/", "leaktest/pgtest/"}},
	{testcontainers, "who imports the library must not inherit Docker", []string{"leaktest/pgtest"}},
	{embedded, "who imports the library must not inherit a downloader", []string{"leaktest/pgtest"}},
	{gocloud, "who stores no files and uses no key service must not inherit their clients", []string{"crypto/kms", "cmd/watertight", "files", "lifecycle/bucket", "examples/"}},
	{"internal/typecheck", "it is for tests", nil},
	{"internal/pooler", "it is for tests", nil},
	{"internal/needs", "it is for tests", []string{"internal/pooler"}},
	{testify, "it is for tests", nil},
	{gointernal, "it is for tests", nil},
	{
		"tenancy/unverified", "a scope without admission is for tests, for gateways that have verified, for the record of a refusal, for an attempt to sign in, and for a session token that carries the admission",
		[]string{"examples/", "audit", "accounts", "accounts/middleware", "accounts/session", "tenancy/custody", "tenancy/placement"},
	},
	{otel, "who measures in another way must not inherit it", []string{"observe"}},
	{otelMetric, "who measures in another way must not inherit it", []string{"observe"}},
	{otelTrace, "who measures in another way must not inherit it", []string{"observe"}},
	{otelSDK, "a library does not choose the exporter", nil},
	{oidc, "who has no such sign-in must not inherit it", []string{"accounts/oidclogin"}},
	{river, "a library does not choose the queue", []string{"examples/worker"}},
	{grpc, "who serves no gRPC must not inherit it", []string{"accounts/grpcauth"}},
	{"tenancy/custody", "it opens closed tenants", []string{"lifecycle"}},
	{age, "who hands no tenant over must not inherit a cipher", []string{"lifecycle", "cmd/watertight"}},
	{"tenancy/recording", "a handle past a role's read-only transaction is for its record", []string{"audit"}},
	{"tenancy/bootstrap", "it tells who is registered where, before anybody is admitted", []string{"accounts"}},
	{jwt, "one package reads and writes tokens", []string{"accounts/session"}},
	{"tenancy/internal/gate", "the gate makes scopes without admission", []string{"tenancy", "tenancy/"}},
	{"crypto/insecurekeys", "a key in the clear is for tests", []string{"examples/", "cmd/watertight"}},
	{"cmd/", "a command is not a library", nil},
	{"examples/", "an example is not a library", nil},
	{"bench/", "a measurement is not a library", []string{"bench", "bench/"}},
}

func TestImportsFollowTheArrows(t *testing.T) {
	t.Parallel()
	for _, v := range violations(t, os.DirFS("."), arrows) {
		t.Error(v)
	}
}

// violations returns what is not as the table and the laws say.
func violations(t *testing.T, fsys fs.FS, table map[string][]string) []string {
	t.Helper()
	found := readImports(t, fsys)
	var bad []string
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		allowed, ok := table[dir]
		if !ok {
			bad = append(bad, fmt.Sprintf("package %s is not in the table of arrows (add it with what it imports: %s)", dir, strings.Join(found[dir].code, ", ")))
			continue
		}
		for _, to := range found[dir].code {
			if !slices.Contains(allowed, to) {
				bad = append(bad, fmt.Sprintf("%s imports %s, which is no arrow of the table", dir, to))
			}
		}
		for _, to := range allowed {
			if !slices.Contains(found[dir].code, to) {
				bad = append(bad, fmt.Sprintf("%s does not import %s any more (take it out of the table)", dir, to))
			}
		}
		for _, to := range found[dir].tests {
			if _, ours := found[to]; !ours && !slices.Contains(forTests, to) && !slices.Contains(allowed, to) {
				bad = append(bad, fmt.Sprintf("the tests of %s import %s, which is for no test", dir, to))
			}
		}
	}
	for dir := range table {
		if _, ok := found[dir]; !ok {
			bad = append(bad, fmt.Sprintf("package %s is in the table and not in the tree", dir))
		}
	}
	return append(bad, outlaws(found)...)
}

// outlaws returns the imports that break a law.
func outlaws(found map[string]*imports) []string {
	var bad []string
	for _, law := range laws {
		for _, dir := range slices.Sorted(maps.Keys(found)) {
			inside := dir == law.imported || matches(dir, law.imported)
			if inside || slices.ContainsFunc(law.by, func(by string) bool { return matches(dir, by) }) {
				continue
			}
			for _, to := range found[dir].code {
				if matches(to, law.imported) {
					bad = append(bad, fmt.Sprintf("%s imports %s: %s", dir, to, law.why))
				}
			}
		}
	}
	return bad
}

// matches reports whether a folder is the pattern, or below it if the pattern
// ends with a slash.
func matches(dir, pattern string) bool {
	return dir == pattern || strings.HasSuffix(pattern, "/") && strings.HasPrefix(dir, pattern)
}

// imports are the imports of one package, sorted, without the standard library.
type imports struct{ code, tests []string }

// readImports parses every Go file of the module, whatever its build tags.
func readImports(t *testing.T, fsys fs.FS) map[string]*imports {
	t.Helper()
	found := map[string]*imports{}
	for _, file := range goFiles(t, fsys) {
		src, err := fs.ReadFile(fsys, file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(file)
		if dir == "." {
			continue // these tests
		}
		p := found[dir]
		if p == nil {
			p = &imports{}
			found[dir] = p
		}
		list := &p.code
		if strings.HasSuffix(file, "_test.go") {
			list = &p.tests
		}
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if to := target(name); to != "" && !slices.Contains(*list, to) {
				*list = append(*list, to)
			}
		}
		slices.Sort(*list)
	}
	if len(found) == 0 {
		t.Fatal("found no packages: this test would prove nothing")
	}
	return found
}

// target turns an import path into what the table calls it, or into nothing if
// it is of the standard library.
func target(name string) string {
	if dir, ok := strings.CutPrefix(name, module+"/"); ok {
		return dir
	}
	parts := strings.Split(name, "/")
	if !strings.Contains(parts[0], ".") {
		return ""
	}
	n := min(len(parts), 3)
	switch parts[0] {
	case "google.golang.org":
		n = 2
	case "gocloud.dev":
		n = 1
	case "go.opentelemetry.io":
		// These are modules of their own, the other folders are of the first.
		if n == 3 && !slices.Contains([]string{"metric", "trace", "sdk"}, parts[2]) {
			n = 2
		}
	}
	// The version is part of the path of a module from v2 on.
	if n < len(parts) && len(parts[n]) > 1 && parts[n][0] == 'v' && parts[n][1] >= '2' && parts[n][1] <= '9' {
		n++
	}
	return strings.Join(parts[:n], "/")
}

// The guard must see each kind of violation.
func TestViolationsAreSeen(t *testing.T) {
	t.Parallel()
	file := func(imports ...string) *fstest.MapFile {
		src := "package p\n"
		for _, i := range imports {
			src += "import _ " + strconv.Quote(i) + "\n"
		}
		return &fstest.MapFile{Data: []byte(src)}
	}
	table := map[string][]string{"tenancy": {pgx}, "accounts": {"tenancy"}}
	clean := func() fstest.MapFS {
		return fstest.MapFS{
			"tenancy/a.go":             file("context", pgx+"/pgxpool"),
			"tenancy/a_test.go":        file(testify+"/require", module+"/accounts"),
			"accounts/a.go":            file(module + "/tenancy"),
			"accounts/testdata/bad.go": file(oliphant + "/parser"),
			"tools/go.mod":             {Data: []byte("module tools\n")},
			"tools/tools.go":           file("honnef.co/go/tools/cmd/staticcheck"),
		}
	}
	if v := violations(t, clean(), table); len(v) != 0 {
		t.Fatalf("the clean tree: %v", v)
	}
	cases := map[string]struct {
		name string
		file *fstest.MapFile
		want string
	}{
		"an arrow that points up": {"tenancy/b.go", file(module + "/accounts"), "tenancy imports accounts, which is no arrow"},
		"behind a build tag": {"tenancy/b_windows.go", &fstest.MapFile{
			Data: []byte("//go:build plan9\n\npackage p\nimport _ " + strconv.Quote(module+"/accounts") + "\n"),
		}, "tenancy imports accounts"},
		"a new module":         {"accounts/b.go", file(yaml), "accounts imports go.yaml.in/yaml/v3"},
		"a new package":        {"audit/a.go", file(), "package audit is not in the table"},
		"an arrow that went":   {"accounts/a.go", file("context"), "accounts does not import tenancy any more"},
		"a test's new module":  {"accounts/a_test.go", file(oliphant), "the tests of accounts import github.com/sqlc-dev/oliphant"},
		"an outlaw":            {"accounts/b.go", file(oliphant + "/parser"), "so that it can be changed"},
		"a test helper":        {"accounts/b.go", file(testify + "/require"), "it is for tests"},
		"a command as library": {"accounts/b.go", file(module + "/cmd/watertight"), "a command is not a library"},
		"a database server":    {"accounts/b.go", file(module + "/leaktest/pgtest"), "must not start a database server"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := clean()
			tree[c.name] = c.file
			if v := violations(t, tree, table); !strings.Contains(strings.Join(v, "\n"), c.want) {
				t.Errorf("violations %q, want one with %q", v, c.want)
			}
		})
	}
	gone := clean()
	delete(gone, "accounts/a.go")
	delete(gone, "tenancy/a_test.go")
	if v := violations(t, gone, table); len(v) != 1 || !strings.Contains(v[0], "accounts is in the table and not in the tree") {
		t.Errorf("a package that went: %q", v)
	}
}
