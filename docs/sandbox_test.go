package docs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// A sandbox is where the scripts of one page run: a folder, a database, and an
// environment. Scripts follow one another as if typed into one terminal.
type sandbox struct {
	dir   string // the reader's folder
	state string // what one script leaves to the next: variables and folder
	env   []string
	db    *pgtest.Database
}

// databases are what a page may begin with.
var databases = map[string]pgtest.Config{
	"":         {Empty: true},
	"migrated": {},
	"bookings": {Setup: []string{bookingsSQL}},
}

const bookingsSQL = `
create schema app;
create table app.rooms (tenant_id uuid not null, id uuid not null default gen_random_uuid(), name text not null, primary key (tenant_id, id));
create table app.bookings (
	tenant_id uuid not null,
	id        uuid not null default gen_random_uuid(),
	room_id   uuid not null,
	guest     text not null,
	primary key (tenant_id, id),
	foreign key (tenant_id, room_id) references app.rooms (tenant_id, id)
);
select watertight.protect('app.rooms');
select watertight.protect('app.bookings');`

func newSandbox(t *testing.T, p *programs, database string) *sandbox {
	t.Helper()
	home := t.TempDir()
	s := &sandbox{dir: filepath.Join(home, "work"), state: filepath.Join(home, "state"), db: pgtest.New(t, databases[database])}
	require.NoError(t, errors.Join(os.Mkdir(s.dir, 0o755), os.Mkdir(s.state, 0o755)))
	app := s.db.AppURL
	if database == "" {
		// The roles belong to the server, and are there once a template was made.
		pgtest.New(t)
		_, app = s.db.Login(t, "in role watertight_app")
	}
	s.env = append(slices.Clone(p.env),
		"HOME="+home,
		"PATH="+strings.Join([]string{p.path, filepath.Join(home, "go", "bin"), os.Getenv("PATH")}, string(os.PathListSeparator)),
		"ADMIN_URL="+s.db.AdminURL, "DATABASE_URL="+s.db.AdminURL, "APP_URL="+app)
	return s
}

// write makes a file of the reader's folder.
func (s *sandbox) write(name, text string) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("the file %s is not in the page's folder", name)
	}
	name = filepath.Join(s.folder(), name)
	return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644))
}

// folder is where the last script ended.
func (s *sandbox) folder() string {
	if dir, err := os.ReadFile(filepath.Join(s.state, "pwd")); err == nil {
		return strings.TrimSpace(string(dir))
	}
	return s.dir
}

// typed runs $BLOCK and keeps what a terminal would keep. A script ends at its
// first error. A module that it makes takes this one from this folder.
const typed = `
set -euo pipefail
go() {
	command go "$@"
	case "$*" in "mod init"*) command go mod edit -replace "$REPLACE" ;; esac
}
[ ! -f "$STATE/env" ] || . "$STATE/env"
trap 'code=$?; export -p >"$STATE/env"; pwd >"$STATE/pwd"; exit $code' EXIT
. "$BLOCK"
`

// script runs a block for bash. A page takes minutes at most.
func (s *sandbox) script(t *testing.T, b block, want *string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	file := filepath.Join(s.state, "block")
	if err := os.WriteFile(file, []byte(b.text), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", typed)
	cmd.Dir = s.folder()
	cmd.Env = append(slices.Clone(s.env), "STATE="+s.state, "BLOCK="+file)
	if b.directives["in"] == "clone" {
		cmd = exec.CommandContext(ctx, "bash", "-euo", "pipefail", file)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "DATABASE_URL="+s.db.AdminURL)
	}
	out, err := cmd.CombinedOutput()
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		return err
	}
	expected, _ := strconv.Atoi(b.directives["exit"])
	if code != expected {
		return fmt.Errorf("the script ends with %d, not with %d:\n%s", code, expected, out)
	}
	if want != nil {
		return compare(*want, string(out))
	}
	return nil
}
