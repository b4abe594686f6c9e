//go:build unix

package pgtest

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each supported version, as far as this machine has it: CI fetches 16 to 18
// with .ci/install-postgres.
func TestVersions(t *testing.T) {
	t.Parallel()
	for version := oldest; version <= newest; version++ {
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			s, attempts := defaultLookup().start(t.Context(), Config{Version: version})
			if s == nil {
				t.Skipf("SKIPPED: %v", &NotFoundError{cfg: Config{Version: version}, attempts: attempts})
			}
			defer func() { require.NoError(t, s.Stop()) }()
			require.Equal(t, version, s.Version())
			d, err := s.CreateDatabase(t.Context(), "", Config{})
			require.NoError(t, err)
			require.Equal(t, strconv.Itoa(version), text(t, d.App(t), "select current_setting('server_version_num')::int / 10000"))
			require.Contains(t, s.Source(), fmt.Sprintf("PostgreSQL %d.", version))
		})
	}
}

// npmPackage finds a package that .ci/install-postgres fetched.
func npmPackage(t testing.TB) string {
	t.Helper()
	for _, p := range defaultLookup().places() {
		if p.way == "npm" {
			return filepath.Dir(p.dir)
		}
	}
	t.Skip("SKIPPED: no npm package on this machine (run .ci/install-postgres 17)")
	return ""
}

// Programs where the server's user cannot reach them, as in a checkout in
// root's home, are copied; also when we may not make the links in place.
func TestPortableProgramsAreCopied(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root's server has another user than its tests")
	}
	closed := t.TempDir()
	require.NoError(t, os.Chmod(closed, 0o700))
	native := filepath.Join(closed, "native")
	require.NoError(t, os.CopyFS(native, os.DirFS(npmPackage(t))))
	as, err := runAs()
	require.NoError(t, err)

	fixed := place{dir: filepath.Join(native, "bin"), way: "PGBIN"}
	_, err = startInstalled(t.Context(), Config{}, fixed, as)
	require.ErrorContains(t, err, "is closed to the user")

	s, err := startInstalled(t.Context(), Config{}, place{dir: fixed.dir, way: "npm", portable: true}, as)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	require.Contains(t, s.Source(), fixed.dir)
	require.DirExists(t, filepath.Join(homeOf(t, s).dir, "native", "bin"))
	_, err = startInstalled(t.Context(), Config{Version: 99}, place{dir: fixed.dir, way: "npm", portable: true}, as)
	require.ErrorContains(t, err, "is PostgreSQL")
}

func TestLinkLibraries(t *testing.T) {
	t.Parallel()
	root := tree(t, "native/lib/libx.so.1.2", "native/bin/postgres")
	bin := filepath.Join(root, "native/bin")
	require.NoError(t, linkLibraries(bin), "no list, nothing to do")
	list := filepath.Join(root, "native/pg-symlinks.json")
	require.NoError(t, os.WriteFile(list, []byte(`[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so"}]`), 0o600))
	for range 2 { // the second time it is there
		require.NoError(t, linkLibraries(bin))
		got, err := os.Readlink(filepath.Join(root, "native/lib/libx.so"))
		require.NoError(t, err)
		require.Equal(t, "libx.so.1.2", got)
	}
	for _, bad := range []string{
		`[{"source":"native/lib/libx.so.1.2","target":"../../evil"}]`, `[{"source":"/etc/passwd","target":"native/lib/y"}]`,
	} {
		require.NoError(t, os.WriteFile(list, []byte(bad), 0o600))
		require.ErrorContains(t, linkLibraries(bin), "outside the package")
	}
	require.NoError(t, os.WriteFile(list, []byte(`{`), 0o600))
	require.ErrorContains(t, linkLibraries(bin), "read pg-symlinks.json")
}

// A repository of our own serves an archive whose programs are scripts that
// call this machine's: everything but their content is as in a real download.
func TestDownload(t *testing.T) {
	t.Parallel()
	places := defaultLookup().places()
	if len(places) == 0 {
		t.Skip("no installed programs to serve")
	}
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("no xz to make an archive with")
	}
	as, err := runAs()
	require.NoError(t, err)
	version, err := versionOf(t.Context(), places[0].dir, as)
	require.NoError(t, err)
	archive := jar(t, places[0].dir)
	var asked []string
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".jar") {
			http.NotFound(w, r) // the checksum is optional
			return
		}
		asked = append(asked, r.URL.Path)
		_, _ = w.Write(archive)
	}))
	defer repository.Close()

	out, ok := output(t, self(t, []string{
		envChild + "=download", "WATERTIGHT_PG_CACHE=" + filepath.Join(script(t, ""), "cache"),
		"WATERTIGHT_TEST_REPOSITORY=" + repository.URL, fmt.Sprintf("WATERTIGHT_TEST_VERSION=%d", version),
	}))
	require.True(t, ok, out)
	require.Contains(t, out, fmt.Sprintf("GOT PostgreSQL %d.", version))
	require.Contains(t, out, "/cache/embedded-"+string(downloads[version]))
	require.Len(t, asked, 1, "the second time finds it in the cache")
	require.Contains(t, asked[0], string(downloads[version]))
}

func init() {
	children["download"] = func() {
		version, _ := strconv.Atoi(os.Getenv("WATERTIGHT_TEST_VERSION"))
		repository := os.Getenv("WATERTIGHT_TEST_REPOSITORY")
		s, err := startDownload(context.Background(), Config{Version: version}, repository)
		if err == nil {
			fmt.Println("GOT", s.Source(), s.Stop())
			err = fetch(context.Background(), filepath.Join(cacheDir(), "embedded-"+string(downloads[version])), downloads[version], repository)
		}
		if err != nil {
			fmt.Println("ERROR", err)
			os.Exit(1)
		}
	}
}

// jar is a zip with a tar.xz, as embedded-postgres's repository has them.
func jar(t *testing.T, bin string) []byte {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "bin"), 0o755))
	for _, name := range []string{"postgres", "initdb", "pg_ctl"} {
		text := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", filepath.Join(bin, name))
		require.NoError(t, os.WriteFile(filepath.Join(root, "bin", name), []byte(text), 0o755))
	}
	packed, err := exec.Command("tar", "-C", root, "-cJf", "-", "bin").Output()
	require.NoError(t, err)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	file, err := z.Create("postgres-linux-x86_64.txz")
	require.NoError(t, err)
	_, err = file.Write(packed)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

func TestDownloadOfUnknownVersion(t *testing.T) {
	t.Parallel()
	_, err := startDownload(t.Context(), Config{Version: 99}, "http://127.0.0.1:1")
	require.ErrorContains(t, err, "has no PostgreSQL 99")
}

// The script and the package must agree on where the cache is.
func TestInstallScript(t *testing.T) {
	t.Parallel()
	script := filepath.Join("..", "..", ".ci", "install-postgres")
	if _, err := os.Stat(script); err != nil {
		t.Skip("no script: this is a copy of the module without its repository")
	}
	out, err := exec.Command("sh", script, "--where").Output()
	require.NoError(t, err)
	require.Equal(t, cacheDir(), strings.TrimSpace(string(out)))

	cmd := exec.Command("sh", script, "--where")
	cmd.Env = append(os.Environ(), "WATERTIGHT_PG_CACHE=/elsewhere")
	out, err = cmd.Output()
	require.NoError(t, err)
	require.Equal(t, "/elsewhere", strings.TrimSpace(string(out)))

	text, err := exec.Command("sh", script, "14").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(text), "no package for PostgreSQL 14")
}
