package main

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/watertight-go/watertight/internal/needs"
	"github.com/watertight-go/watertight/internal/scaffold"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// action is action.yml as far as a runner of GitHub reads it.
type action struct {
	Inputs  map[string]struct{ Description, Default string }
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []step
	}
}

type step struct {
	ID, Name, If, Uses, Run, Shell string
	WorkingDirectory               string `yaml:"working-directory"`
	Env, With                      map[string]string
}

// runner runs an action's scripts as GitHub's does, and notes the other
// actions that it uses.
type runner struct {
	*workplace
	inputs  map[string]string
	outputs map[string]string // steps.ID.outputs.NAME
	path    string
	temp    string
	uses    []step
}

var expression = regexp.MustCompile(`\$\{\{\s*([^}]*?)\s*\}\}`)

// value is what an expression stands for.
func (r *runner) value(t *testing.T, name string) string {
	t.Helper()
	if input, ok := strings.CutPrefix(name, "inputs."); ok {
		v, ok := r.inputs[input]
		require.True(t, ok, "there is no input %s", input)
		return v
	}
	if name == "github.action_path" {
		return r.path
	}
	require.Regexp(t, `^steps\.[a-z]+\.outputs\.[a-z]+$`, name, "the test does not know this expression")
	return r.outputs[name]
}

func (r *runner) fill(t *testing.T, text string) string {
	t.Helper()
	return expression.ReplaceAllStringFunc(text, func(m string) string { return r.value(t, expression.FindStringSubmatch(m)[1]) })
}

var condition = regexp.MustCompile(`^(\S+) (==|!=) '([^']*)'$`)

func (r *runner) holds(t *testing.T, text string) bool {
	t.Helper()
	if text == "" {
		return true
	}
	m := condition.FindStringSubmatch(text)
	require.NotNil(t, m, "the test does not know this condition: %s", text)
	return (r.value(t, m[1]) == m[3]) == (m[2] == "==")
}

// do runs one step and returns what it printed.
func (r *runner) do(t *testing.T, s step) (string, error) {
	t.Helper()
	if !r.holds(t, s.If) {
		return "", nil
	}
	if s.Uses != "" {
		filled := step{Uses: s.Uses, With: map[string]string{}}
		for name, v := range s.With {
			filled.With[name] = r.fill(t, v)
		}
		r.uses = append(r.uses, filled)
		return "", nil
	}
	require.Equal(t, "bash", s.Shell)
	require.NotRegexp(t, expression, s.Run, "an input inside of a script is a way in: pass it as a variable")
	output, path := filepath.Join(r.temp, "output"), filepath.Join(r.temp, "path")
	for _, file := range []string{output, path} {
		require.NoError(t, os.WriteFile(file, nil, 0o644))
	}
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run)
	cmd.Dir = filepath.Join(r.dir, r.fill(t, s.WorkingDirectory))
	cmd.Env = slices.Concat(r.env, []string{"GITHUB_OUTPUT=" + output, "GITHUB_PATH=" + path, "RUNNER_TEMP=" + r.temp})
	for name, v := range s.Env {
		cmd.Env = append(cmd.Env, name+"="+r.fill(t, v))
	}
	out, err := cmd.CombinedOutput()
	told, readErr := os.ReadFile(output)
	require.NoError(t, readErr)
	for line := range strings.Lines(string(told)) {
		name, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		require.True(t, ok)
		r.outputs["steps."+s.ID+".outputs."+name] = v
	}
	added, readErr := os.ReadFile(path)
	require.NoError(t, readErr)
	if p := strings.TrimSpace(string(added)); p != "" {
		r.env = append(r.env, "PATH="+p+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	return string(out), err
}

// runAction runs action.yml in a folder.
func runAction(t *testing.T, dir string, inputs map[string]string) (r *runner, printed string, err error) {
	t.Helper()
	needs.Program(t, "bash", "apt-get install bash")
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "action.yml"))
	require.NoError(t, err)
	var a action
	require.NoError(t, yaml.Unmarshal(text, &a))
	require.Equal(t, "composite", a.Runs.Using)
	r = &runner{
		workplace: &workplace{dir: dir, env: append(os.Environ(), "GOFLAGS=-buildvcs=false")},
		inputs:    map[string]string{}, outputs: map[string]string{}, path: root, temp: t.TempDir(),
	}
	for name, in := range a.Inputs {
		require.NotEmpty(t, in.Description, name)
		r.inputs[name] = in.Default
	}
	for name, v := range inputs {
		require.Contains(t, r.inputs, name)
		r.inputs[name] = v
	}
	for _, s := range a.Runs.Steps {
		out, err := r.do(t, s)
		printed += out
		if err != nil {
			return r, printed, err
		}
	}
	require.Equal(t, "./"+r.inputs["report"], r.fill(t, a.Outputs["report"].Value))
	return r, printed, nil
}

// emptyProject is what init writes, as far as the action reads it.
func emptyProject(t *testing.T) string {
	t.Helper()
	files, err := scaffold.Project{Module: "example.com/shop", Version: "v1.0.0", CI: scaffold.NoCI}.Files()
	require.NoError(t, err)
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, 0o644))
	}
	return dir
}

func TestActionOnACleanProject(t *testing.T) {
	dir := emptyProject(t)
	database := pgtest.New(t)
	migration, err := os.ReadFile(filepath.Join(dir, "schema/migrations/00001_notes.sql"))
	require.NoError(t, err)
	database.Exec(t, upOnly("", string(migration)))
	r, printed, err := runAction(t, dir, map[string]string{
		"database-url": database.AdminURL, "inspect": "--app-role watertight_app", "prove": "--no-self-test",
	})
	require.NoError(t, err, printed)
	for _, want := range []string{"lint: clean", "inspect: clean", "prove: clean"} {
		require.Contains(t, printed, want)
	}
	require.NotContains(t, printed, database.AdminURL)
	names := []string{}
	for _, file := range []string{"lint.sarif", "inspect.sarif", "prove.sarif", "report.html", "junit.xml"} {
		require.NotEmpty(t, r.read(t, "watertight-report/"+file))
	}
	for _, s := range r.uses {
		names = append(names, s.Uses)
		for _, key := range []string{"path", "sarif_file"} {
			if where := cmp.Or(s.With[key], "."); where != "" {
				require.DirExists(t, filepath.Join(dir, where))
			}
		}
	}
	require.Equal(t, []string{"actions/setup-go@v6", "actions/upload-artifact@v4", "github/codeql-action/upload-sarif@v3"}, names)
}

func TestActionOnALeak(t *testing.T) {
	t.Parallel()
	dir := emptyProject(t)
	w := &workplace{dir: dir}
	w.insert(t, "queries/notes.sql", ownLeak, "")
	r, printed, err := runAction(t, dir, map[string]string{"prove": "false", "upload": "false", "setup-go": "false"})
	require.Error(t, err)
	require.Contains(t, printed, "CountAll")
	require.Contains(t, printed, "::error::watertight lint has findings")
	require.Contains(t, r.read(t, "watertight-report/lint.sarif"), "CountAll")
	require.Empty(t, r.uses)

	// What cannot run is no clean result, nor is nothing.
	_, printed, err = runAction(t, dir, map[string]string{"lint": "-c nowhere.yaml", "prove": "false"})
	require.Error(t, err)
	require.Contains(t, printed, "::error::watertight lint could not run")
	_, printed, err = runAction(t, dir, map[string]string{"lint": "false", "prove": "false"})
	require.Error(t, err)
	require.Contains(t, printed, "all left out")

	// An input is no command.
	_, _, err = runAction(t, dir, map[string]string{"lint": `-c $(touch${IFS}broken) "; touch broken`, "prove": "false"})
	require.Error(t, err)
	require.NoFileExists(t, filepath.Join(dir, "broken"))
}

// The hooks' commands, in a project that passes and in one that does not.
func TestPreCommitHooks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", ".pre-commit-hooks.yaml"))
	require.NoError(t, err)
	var hooks []struct {
		ID, Name, Description, Entry, Language, Files string
		PassFilenames                                 *bool `yaml:"pass_filenames"`
	}
	require.NoError(t, yaml.Unmarshal(text, &hooks))
	require.Len(t, hooks, 2)
	w := program(t)
	w.dir = emptyProject(t)
	for _, h := range hooks {
		require.Equal(t, "golang", h.Language, h.ID)
		require.False(t, *h.PassFilenames, h.ID)
		files := regexp.MustCompile(h.Files)
		require.True(t, files.MatchString("queries/notes.sql"))
		require.True(t, files.MatchString("sqlc.yaml"))
		require.False(t, files.MatchString("README.md"))
		if h.ID == "watertight-generate" && sqlc(t) == "" {
			continue
		}
		if h.ID == "watertight-generate" {
			w.env = append(w.env, "PATH="+filepath.Dir(sqlc(t))+string(os.PathListSeparator)+pathOf(w.env))
			out, err := w.bash(h.Entry)
			require.Error(t, err, "nothing was generated yet")
			require.Contains(t, out, "is missing")
			w.run(t, strings.TrimSuffix(h.Entry, " --check"))
		}
		w.run(t, h.Entry)
	}
	w.insert(t, "queries/notes.sql", ownLeak, "")
	for _, h := range hooks {
		_, err := w.bash(h.Entry)
		require.Error(t, err, h.ID)
	}
}

// pathOf is the last PATH of an environment, which is the one that counts.
func pathOf(env []string) string {
	path := ""
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			path = p
		}
	}
	return path
}
