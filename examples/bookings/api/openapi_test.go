package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/watertight-go/watertight/accounts/middleware"
)

// document is as much of openapi.yaml as can go wrong here.
type document struct {
	OpenAPI    string
	Security   []map[string][]string
	Paths      map[string]map[string]yaml.Node
	Components struct {
		Parameters map[string]struct {
			Name string
			In   string
		}
		Schemas map[string]yaml.Node
	}
}

type operation struct {
	OperationID string `yaml:"operationId"`
	Summary     string
	Security    *[]map[string][]string
	Responses   map[string]yaml.Node
}

func parse(t *testing.T) document {
	t.Helper()
	var d document
	require.NoError(t, yaml.Unmarshal(openAPI, &d))
	require.Equal(t, "3.1.0", d.OpenAPI)
	return d
}

// open are the routes that need no token.
var open = []string{"GET /api/openapi.yaml", "POST /api/session", "POST /api/session/renewal", "POST /api/session/end"}

// Every route is described, and every description is a route.
func TestOpenAPIDescribesTheRoutes(t *testing.T) {
	t.Parallel()
	d := parse(t)
	var described []string
	ids := map[string]bool{}
	for path, methods := range d.Paths {
		for method, node := range methods {
			if method == "parameters" {
				continue
			}
			var op operation
			require.NoError(t, node.Decode(&op))
			name := strings.ToUpper(method) + " " + path
			described = append(described, name)
			require.NotEmpty(t, op.Summary, name)
			require.NotEmpty(t, op.Responses, name)
			require.False(t, ids[op.OperationID], "%s: the operation's id is another's", name)
			ids[op.OperationID] = true
			public := op.Security != nil && len(*op.Security) == 0
			require.Equal(t, slices.Contains(open, name), public, "%s: whether a token is needed", name)
		}
	}
	var routes []string
	for _, r := range (&api{}).routes(new(middleware.Middleware)) {
		routes = append(routes, r.pattern)
	}
	require.Greater(t, len(routes), 30)
	slices.Sort(routes)
	slices.Sort(described)
	require.Equal(t, routes, described)
}

// Every reference in the file leads somewhere, and every name of a path has a
// parameter.
func TestOpenAPIHoldsTogether(t *testing.T) {
	t.Parallel()
	d := parse(t)
	var walk func(n *yaml.Node)
	refs := 0
	walk = func(n *yaml.Node) {
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && child.Value == "$ref" {
				refs++
				kind, name, _ := strings.Cut(strings.TrimPrefix(n.Content[i+1].Value, "#/components/"), "/")
				switch kind {
				case "schemas":
					require.Contains(t, d.Components.Schemas, name)
				case "parameters":
					require.Contains(t, d.Components.Parameters, name)
				default:
					require.Equal(t, "responses/problem", kind+"/"+name)
				}
			}
			walk(child)
		}
	}
	var whole yaml.Node
	require.NoError(t, yaml.Unmarshal(openAPI, &whole))
	walk(&whole)
	require.Greater(t, refs, 60)
	for path, methods := range d.Paths {
		var want []string
		for part := range strings.SplitSeq(path, "/") {
			if name, ok := strings.CutPrefix(part, "{"); ok {
				want = append(want, strings.TrimSuffix(name, "}"))
			}
		}
		var have []string
		if node, ok := methods["parameters"]; ok {
			var list []map[string]string
			require.NoError(t, node.Decode(&list))
			for _, p := range list {
				have = append(have, d.Components.Parameters[strings.TrimPrefix(p["$ref"], "#/components/parameters/")].Name)
			}
		}
		require.Equal(t, want, have, path)
	}
}
