package lintgate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/sqlcplugin"
)

// TestGateOnTheExample takes a clause out of a query of examples/bookings.
func TestGateOnTheExample(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "queries"), os.DirFS(filepath.Join(root, "examples/bookings/queries"))))
	t.Chdir(dir) // sqlc runs the plugin in the folder of sqlc.yaml
	request := &sqlcplugin.Request{Settings: sqlcplugin.Settings{
		Engine: "postgresql", Queries: []string{"queries"},
		Schema: []string{filepath.Join(root, "schema/migrations"), filepath.Join(root, "examples/bookings/platform/schema.sql")},
	}}
	found, err := Gate(request, sqlcplugin.Options{Handle: sqlcplugin.Tenant})
	require.NoError(t, err)
	require.Empty(t, found)

	file := filepath.Join("queries", "appointments.sql")
	src, err := os.ReadFile(file)
	require.NoError(t, err)
	broken := strings.Replace(string(src), "r.tenant_id = a.tenant_id and ", "", 1)
	require.NotEqual(t, string(src), broken)
	require.NoError(t, os.WriteFile(file, []byte(broken), 0o600))
	found, err = Gate(request, sqlcplugin.Options{Handle: sqlcplugin.Tenant})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Regexp(t, `^queries/appointments\.sql:\d+:6: query ListAppointments: app\.rooms \(as r\) is not pinned .*\(add r\.tenant_id = \$1\)$`, found[0].String())
}

func TestGateFailsClosed(t *testing.T) {
	t.Chdir(t.TempDir())
	request := &sqlcplugin.Request{Settings: sqlcplugin.Settings{Schema: []string{"schema"}, Queries: []string{"query"}}}
	_, err := Gate(request, sqlcplugin.Options{})
	require.ErrorContains(t, err, "schema: ")
	require.NoError(t, os.WriteFile(Config, []byte("lint: {levels: 1}"), 0o600))
	_, err = Gate(request, sqlcplugin.Options{})
	require.ErrorContains(t, err, Config)
}
