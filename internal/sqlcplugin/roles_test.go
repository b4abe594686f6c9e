package sqlcplugin

import (
	"encoding/json"
	"strings"
	"testing"
)

// openToAll stands for the gate that reads the query files.
func openToAll(r *Request, _ Options) ([]Finding, error) {
	r.Roles = map[string][]string{}
	for _, q := range r.Queries {
		r.Roles[q.Name] = []string{"any"}
	}
	r.Roles["AddMember"] = []string{"owner", "admin"}
	return nil, nil
}

// A package whose roles nobody read would be open to all.
func TestNoTableWithoutItsGate(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := call(t, readFile(t, "tenant.request.json"), HandleGate)
	if code != 1 || stdout != "" || !strings.Contains(stderr, "the roles of query GetMember were not read") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestRoleOptions(t *testing.T) {
	t.Parallel()
	cases := map[string]string{ // option → in the error, or nothing
		`{"default_roles":"any"}`:                                 "",
		`{"default_roles":["owner","admin"]}`:                     "",
		`{"default_roles":"hr","roles":["hr"]}`:                   "",
		`{"default_roles":"hr"}`:                                  "a role that nobody has",
		`{"default_roles":["owner","any"]}`:                       "beside other roles",
		`{"default_roles":[]}`:                                    "empty list",
		`{"default_roles":{"owner":true}}`:                        "cannot unmarshal",
		`{"roles":["any"]}`:                                       "cannot be a role",
		`{"roles":["Head of HR"]}`:                                "cannot be a role",
		`{"handle":"crosstenant","default_roles":"any"}`:          "mean nothing",
		`{"handle":"crosstenant","roles":["hr"]}`:                 "mean nothing",
		`{"roles":["a\", \"any"]}`:                                "cannot be a role",
		`{"default_role":"any"}`:                                  "unknown field",
		`{"roles":["` + strings.Repeat("x", 33) + `"]}`:           "cannot be a role",
		`{"default_roles":["owner","` + "own\u0435r" + `"]}`:      "nobody has", // a Cyrillic e
		`{"roles":["dispatcher"],"default_roles":["dispatcher"]}`: "",
	}
	for options, want := range cases {
		r := readRequest(t, "tenant.request.json")
		if !json.Valid([]byte(options)) {
			t.Fatalf("%s is no JSON", options)
		}
		r.PluginOptions = []byte(options)
		_, err := r.Options()
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", options, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", options, err, want)
		}
	}
}
