package docs_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// programs are what the pages share.
type programs struct {
	path   string // the folders with a fresh watertight, and with sqlc
	module string // the path of this module
	env    []string
}

// version is the version of this module that readers get.
const version = "v0.0.0-docs"

func preparePrograms(t *testing.T) *programs {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir, "./cmd/watertight", "./cmd/sqlc-gen-watertight")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	first, _, _ := strings.Cut(readFile(t, "../go.mod"), "\n")
	p := &programs{path: dir, module: strings.TrimPrefix(first, "module ")}
	if sqlc := findSqlc(t); sqlc != "" {
		p.path += string(os.PathListSeparator) + filepath.Dir(sqlc)
	}
	cache := goEnv(t, "GOMODCACHE")
	clone, err := filepath.Abs(root)
	require.NoError(t, err)
	p.env = []string{
		"GOCACHE=" + goEnv(t, "GOCACHE"),
		"GOMODCACHE=" + cache,
		"GOTOOLCHAIN=" + goEnv(t, "GOTOOLCHAIN"),
		// First what was downloaded to build this module. A reader's own module asks
		// for more, which a machine that has built nothing else has to fetch.
		"GOPROXY=file://" + p.serveModule(t) + ",file://" + filepath.Join(cache, "cache", "download") + "," + goEnv(t, "GOPROXY"),
		"GOSUMDB=off", // nobody has published this version
		"GOFLAGS=-buildvcs=false",
		"REPLACE=" + p.module + "=" + clone,
		"WATERTIGHT=" + clone, // where a page says that the reader has a clone
	}
	for _, name := range []string{
		"CI", "TMPDIR", "WATERTIGHT_PG_REMOTE", "WATERTIGHT_PG_VERSION",
		"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	} {
		if value, ok := os.LookupEnv(name); ok {
			p.env = append(p.env, name+"="+value)
		}
	}
	return p
}

// serveModule makes a module proxy in a folder that knows of this module. The
// code itself is read from here (see typed), so nothing is built twice; but
// "go get" works as it does for a reader, go.sum included.
func (p *programs) serveModule(t *testing.T) string {
	t.Helper()
	proxy := t.TempDir()
	dir := filepath.Join(proxy, filepath.FromSlash(p.module), "@v")
	info, err := json.Marshal(map[string]string{"Version": version})
	require.NoError(t, err)
	require.NoError(t, errors.Join(
		os.MkdirAll(dir, 0o755),
		os.WriteFile(filepath.Join(dir, "list"), []byte(version+"\n"), 0o644),
		os.WriteFile(filepath.Join(dir, version+".info"), info, 0o644),
		os.WriteFile(filepath.Join(dir, version+".mod"), []byte(readFile(t, "../go.mod")), 0o644)))
	return proxy
}

// findSqlc builds the sqlc of the tools module, and returns its path. Where it
// cannot be had, pages that generate code fail.
func findSqlc(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "tool", "-n", "sqlc")
	cmd.Dir = filepath.Join(root, "tools")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Logf("sqlc of tools/go.mod cannot be built: %v", err)
		return ""
	}
	return strings.TrimSpace(string(out))
}

// goEnv is a variable of the go command, with the HOME of whoever runs the tests.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}
