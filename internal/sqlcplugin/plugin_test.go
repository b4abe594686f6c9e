package sqlcplugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The requests in testdata were sent by sqlc v1.31.1 for a schema of three
// tables; pg_catalog is cut out.

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

func readRequest(t *testing.T, name string) *Request {
	t.Helper()
	req, err := ReadRequest(bytes.NewReader(readFile(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// call runs the plugin on a request and returns what sqlc would see.
func call(t *testing.T, req []byte, gates ...Gate) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main([]string{Service + "Generate"}, bytes.NewReader(req), &out, &errs, gates...)
	return code, out.String(), errs.String()
}

func TestMainWritesOnlyTheSealedFile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tenant", "crosstenant"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := call(t, readFile(t, name+".request.json"), HandleGate, openToAll)
			if code != 0 || stderr != "" {
				t.Fatalf("exit code %d, stderr %q; want 0 and nothing", code, stderr)
			}
			var got response
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Files) != 1 || got.Files[0].Name != DBFileName {
				t.Fatalf("files %v, want db.go alone", got.Files)
			}
			golden(t, name+".db.go.golden", got.Files[0].Contents)
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", name), got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := readFile(t, name); !bytes.Equal(got, want) {
		t.Errorf("%s differs; run go test -update and read the diff\ngot:\n%s", name, got)
	}
}

// A gate that decodes nothing passes everything, so each field that a gate
// reads must arrive. sqlc calls the parameters "params", not "parameters".
func TestRequestDecodesWhatGatesRead(t *testing.T) {
	t.Parallel()
	req := readRequest(t, "tenant.request.json")
	q := req.Queries[0]
	if q.Name != "GetMember" || q.Cmd != ":one" || q.Filename != "members.sql" {
		t.Errorf("query is %s %s in %s", q.Name, q.Cmd, q.Filename)
	}
	if !strings.Contains(q.Text, "m.tenant_id = $1") || strings.Contains(q.Text, "*") {
		t.Errorf("text %q: want the star expanded and parameters numbered", q.Text)
	}
	if len(q.Params) != 2 || q.Params[0].Column.Name != "tenant_id" || q.Params[0].Column.Table.Name != "memberships" {
		t.Errorf("params %+v: want tenant_id of memberships first", q.Params)
	}
	if len(q.Comments) != 2 || len(q.Columns) != 6 {
		t.Errorf("%d comments and %d columns, want 2 and 6", len(q.Comments), len(q.Columns))
	}
	if req.Catalog.DefaultSchema != "public" || len(req.Settings.Queries) != 1 || req.SqlcVersion != "v1.31.1" {
		t.Errorf("settings %+v of sqlc %s", req.Settings, req.SqlcVersion)
	}
	var tables int
	for _, s := range req.Catalog.Schemas {
		for _, table := range s.Tables {
			if len(table.Columns) == 0 || table.Columns[0].Type.Name == "" {
				t.Errorf("table %s has no typed columns", table.Rel.Name)
			}
			tables++
		}
	}
	if tables != 4 {
		t.Errorf("%d tables, want 4", tables)
	}
}

func TestMainRefusesEveryTruncation(t *testing.T) {
	t.Parallel()
	full := bytes.TrimSpace(readFile(t, "crosstenant.request.json"))
	for n := range full {
		if code, stdout, _ := call(t, full[:n], HandleGate, openToAll); code == 0 || stdout != "" {
			t.Fatalf("the first %d of %d bytes gave exit code %d and %q", n, len(full), code, stdout)
		}
	}
	if code, _, stderr := call(t, full, HandleGate, openToAll); code != 0 {
		t.Fatalf("the whole request: exit code %d, %s", code, stderr)
	}
}

func TestMainRefusesARequestItCannotJudge(t *testing.T) {
	t.Parallel()
	request := func(change func(map[string]any)) []byte {
		var m map[string]any
		if err := json.Unmarshal(readFile(t, "tenant.request.json"), &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	options := func(o string) func(map[string]any) {
		return func(m map[string]any) { m["plugin_options"] = []byte(o) }
	}
	cases := map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"no queries":      {func(m map[string]any) { m["queries"] = nil }, "no queries"},
		"renamed key":     {func(m map[string]any) { m["query_list"] = m["queries"]; delete(m, "queries") }, "no queries"},
		"other engine":    {func(m map[string]any) { m["settings"].(map[string]any)["engine"] = "mysql" }, `engine "mysql"`},
		"misspelt option": {options(`{"handel":"crosstenant"}`), `unknown field "handel"`},
		"unknown handle":  {options(`{"handle":"pool"}`), `handle "pool" is unknown`},
		"bad package":     {options(`{"package":"my-query"}`), `"my-query" is not a Go package name`},
		"code in import":  {options(`{"tenancy":"x\"\nvar DBTX any //"}`), "is not an import path"},
	}
	if code, _, stderr := call(t, request(func(map[string]any) {}), HandleGate, openToAll); code != 0 {
		t.Fatalf("the request as it is: exit code %d, %s", code, stderr)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := call(t, request(c.change), HandleGate, openToAll)
			if code != 1 || stdout != "" || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q; want 1, nothing, and %q", code, stdout, stderr, c.want)
			}
			if !strings.HasSuffix(stderr, ")\n") {
				t.Errorf("%q does not end with a remedy", stderr)
			}
		})
	}
}

func TestMainReportsEveryFindingOfEveryGate(t *testing.T) {
	t.Parallel()
	gate := func(msg string) Gate {
		return func(r *Request, _ Options) ([]Finding, error) {
			return []Finding{{Position: Position{File: "query/members.sql", Line: 3}, Query: r.Queries[0].Name, Message: msg}}, nil
		}
	}
	code, stdout, stderr := call(t, readFile(t, "tenant.request.json"), gate("first"), gate("second"))
	want := "\nquery/members.sql:3: query GetMember: first\nquery/members.sql:3: query GetMember: second\nno file was written\n"
	if code != 1 || stdout != "" || stderr != want {
		t.Errorf("exit code %d, stdout %q, stderr %q; want 1, nothing, and %q", code, stdout, stderr, want)
	}
}

func TestMainStopsWhenAGateCannotDecide(t *testing.T) {
	t.Parallel()
	undecided := func(*Request, Options) ([]Finding, error) { return nil, errors.New("cannot read the schema") }
	code, stdout, stderr := call(t, readFile(t, "tenant.request.json"), undecided)
	if code != 1 || stdout != "" || stderr != "\ncannot read the schema\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestMainRefusesACallThatIsNotSqlcs(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--help"}, {Service + "Other"}} {
		var out, errs bytes.Buffer
		code := Main(args, bytes.NewReader(readFile(t, "tenant.request.json")), &out, &errs)
		if code != 2 || out.Len() != 0 || !strings.Contains(errs.String(), "watertight generate") {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", args, code, &out, &errs)
		}
	}
}
