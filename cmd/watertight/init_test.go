package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/watertight-go/watertight/internal/needs"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// What a newcomer may be asked for on the way to the first scoped query in a
// project of his own.
const (
	mostCommands = 5
	mostLines    = 10
)

// ownQuery and ownCall are all that a newcomer writes.
const (
	ownQuery = `
-- name: CountNotes :one
select count(*) from app.notes where tenant_id = $1;
`
	ownCall = `
	count, err := q.CountNotes(ctx, scope.Tenant())
	if err != nil {
		return err
	}
	fmt.Println(count, "notes of this customer")
`
	ownLeak = `
-- name: CountAll :one
select count(*) from app.notes;
`
)

// TestNewcomersPath takes the way that init --help shows, word for word: the
// clone is this checkout.
func TestNewcomersPath(t *testing.T) {
	t.Parallel()
	path := newcomersCommands(t)
	require.LessOrEqual(t, len(path), mostCommands, "commands")
	require.Regexp(t, `^git clone https://`, path[0])
	lines := written(ownQuery) + written(ownCall)
	require.LessOrEqual(t, lines, mostLines, "lines of one's own")
	t.Logf("%d commands and %d lines of one's own", len(path), lines)

	w := newcomer(t)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	require.NoError(t, os.Symlink(root, filepath.Join(w.dir, "watertight"))) // the first command
	last := len(path) - 1
	w.cd(t, path[1:last]...)

	w.insert(t, "queries/notes.sql", ownQuery, "")
	w.insert(t, "main.go", ownCall, "\treturn nil\n}\n")
	out := w.run(t, path[last])
	require.Contains(t, out, "the first scoped query\n1 notes of this customer\n")

	t.Run("a query that leaves its tenant is refused", func(t *testing.T) {
		before := w.read(t, "queries/notes.sql")
		w.insert(t, "queries/notes.sql", ownLeak, "")
		out, err := w.bash(path[last])
		require.Error(t, err)
		require.Contains(t, out, "CountAll")
		require.NotContains(t, out, "the first scoped query")
		w.write(t, "queries/notes.sql", before)
	})
	t.Run("the workflow passes", func(t *testing.T) {
		for _, step := range workflowSteps(t, w.read(t, ".github/workflows/watertight.yml")) {
			w.run(t, step)
		}
		require.Contains(t, w.read(t, "report.html"), "✓ Clean")
		require.Contains(t, w.read(t, "report.sarif"), `"runs"`)
	})
	t.Run("a database that stays", func(t *testing.T) { w.deploy(t) })
	t.Run("nothing is overwritten", func(t *testing.T) {
		before := w.read(t, "main.go")
		out, err := w.bash("go tool watertight init . || go tool watertight init ../" + filepath.Base(w.dir))
		require.Error(t, err)
		require.Equal(t, 2, strings.Count(out, "is not empty"))
		require.Equal(t, before, w.read(t, "main.go"))
	})
}

// deploy goes the way of the project's README: migrate, a key, a login, run.
func (w *workplace) deploy(t *testing.T) {
	database := pgtest.New(t, pgtest.Config{Empty: true})
	w.env = append(w.env, "ADMIN_DATABASE_URL="+database.AdminURL)
	key := strings.TrimSpace(w.run(t, "go run ./cmd/migrate -new-key"))
	w.run(t, "make migrate") // again, with nothing to do
	_, url := database.Login(t, "in role watertight_app")
	w.env = append(w.env, "DATABASE_URL="+url, "WATERTIGHT_CONTEXT_KEY="+key)
	require.Empty(t, w.run(t, "make --silent doctor"), "the set-up is sound")

	// Nobody is registered yet: the program connects, and is refused.
	id := "6f1e2b0c-539a-4d10-8e77-0a1b2c3d4e5f"
	out, err := w.bash("USER_ID=" + id + " TENANT_ID=" + id + " go run .")
	require.Error(t, err)
	require.Contains(t, out, "not registered")

	conn, err := pgx.Connect(t.Context(), database.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "insert into watertight.tenants (id, name) values ($1, 'Acme')", id)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "insert into watertight.users (tenant_id, id, email) values ($1, $1, 'jo@acme.example')", id)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "insert into watertight.memberships (tenant_id, user_id, role) values ($1, $1, 'owner')", id)
	require.NoError(t, err)
	require.Contains(t, w.run(t, "USER_ID="+id+" TENANT_ID="+id+" go run ."), "1 notes of this customer")
}

// newcomersCommands are the commands of init --help.
func newcomersCommands(t *testing.T) []string {
	_, help, ok := strings.Cut(initCommand().help, "to the first scoped query of one's own:\n\n")
	require.True(t, ok)
	block, _, ok := strings.Cut(help, "\n\n")
	require.True(t, ok)
	var list []string
	for line := range strings.Lines(block) {
		list = append(list, strings.TrimSpace(line))
	}
	return list
}

// written counts lines that somebody has to write.
func written(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			n++
		}
	}
	return n
}

// workflowSteps are the commands of a workflow for GitHub.
func workflowSteps(t *testing.T, text string) []string {
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct {
				Run string `yaml:"run"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &workflow))
	var list []string
	for _, job := range workflow.Jobs {
		for _, step := range job.Steps {
			if step.Run != "" {
				list = append(list, step.Run)
			}
		}
	}
	require.NotEmpty(t, list)
	return list
}

// A workplace is where somebody types commands.
type workplace struct {
	dir string
	env []string
}

func newcomer(t *testing.T) *workplace {
	for _, program := range []string{"bash", "make", "go"} {
		needs.Program(t, program, "apt-get install bash make; Go is at go.dev/dl")
	}
	w := &workplace{dir: t.TempDir(), env: append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false")}
	if path := sqlc(t); path != "" { // else it is built, in some minutes
		w.env = append(w.env, "PATH="+filepath.Dir(path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	return w
}

// bash runs commands as a person in front of no terminal.
func (w *workplace) bash(commands ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.Join(commands, "\n"))
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.env, &out, &out
	err := cmd.Run()
	return out.String(), err
}

// run is bash for commands that must succeed. It returns standard output alone.
func (w *workplace) run(t *testing.T, commands ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.Join(commands, "\n"))
	cmd.Dir, cmd.Env, cmd.Stderr = w.dir, w.env, &stderr
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s: %v\n%s%s", strings.Join(commands, "; "), exit, out, &stderr)
	}
	require.NoError(t, err)
	return string(out)
}

// cd runs commands and stays in the folder where the last one left off.
func (w *workplace) cd(t *testing.T, commands ...string) {
	t.Helper()
	out := w.run(t, strings.Join(commands, "\n")+"\npwd")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	w.dir = lines[len(lines)-1]
}

func (w *workplace) read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	require.NoError(t, err)
	return string(content)
}

func (w *workplace) write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o644))
}

// insert puts a text before the last place of another one.
func (w *workplace) insert(t *testing.T, name, text, before string) {
	t.Helper()
	content := w.read(t, name)
	i := strings.LastIndex(content, before)
	require.GreaterOrEqual(t, i, 0, "%s has no %q", name, before)
	w.write(t, name, content[:i]+text+content[i:])
}
