package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/needs"
)

func words(line string) []string {
	var list []string
	for _, s := range complete(&env{}, strings.Split(line, " ")) {
		list = append(list, s.word)
	}
	return list
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"ver":                              {"verify-report", "version"},
		"audit ke":                         {"keygen"},
		"migrate postgres://db/app pl":     {"plan"},
		"migrate postgres://db/app up --p": {"--profile"},
		"generate --ch":                    {"--check"},
		"inspect --format ":                {"text", "json", "sarif"},
		"inspect --format=s":               {"--format=sarif"},
		"inspect --format = s":             {"sarif"}, // as bash says it
		"inspect -format j":                {"json"},
		"keys retire --":                   {"--all", "--by", "--reason", "--tenant", "--help"},
		"explain WTL00":                    {"WTL001", "WTL002", "WTL003", "WTL004", "WTL005", "WTL006", "WTL007", "WTL008", "WTL009"},
		"help audi":                        {"audit"},
		"prove -c ":                        nil, // a file
		"nonsense ":                        nil,
		"dev -- go r":                      nil,
	}
	for line, want := range cases {
		got := words(line)
		if strings.HasPrefix(line, "explain") {
			require.NotEmpty(t, got)
			for _, w := range got {
				require.True(t, strings.HasPrefix(w, "WTL00"), w)
			}
			continue
		}
		require.Equal(t, want, got, line)
	}
}

// Every command, action and flag can be completed, and nothing else.
func TestCompletionKnowsTheTable(t *testing.T) {
	t.Parallel()
	for _, c := range withActions(commands()) {
		before, last, ok := strings.Cut(c.name, " ")
		if !ok {
			before, last = "", c.name
		} else {
			before += " "
		}
		require.Contains(t, words(before+last[:len(last)-1]), last)
		for _, l := range flagLines(c.flags(&env{})) {
			name, _, _ := strings.Cut(l.form, " ")
			require.Contains(t, words(c.name+" "+name), name)
		}
	}
}

// The script in a real bash, which calls the program.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	bash := needs.Program(t, "bash", "apt-get install bash")
	w := program(t)
	ask := func(line string) []string {
		script := `source <(watertight completion bash)
COMP_WORDS=(` + line + `); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_watertight; printf '%s\n' "${COMPREPLY[@]}"; complete -p watertight`
		cmd := exec.Command(bash, "--norc", "-c", script)
		cmd.Env, cmd.Dir = w.env, w.dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		list := strings.Split(strings.TrimSpace(string(out)), "\n")
		require.Equal(t, "complete -o default -F _watertight watertight", list[len(list)-1])
		if list = list[:len(list)-1]; len(list) == 1 && list[0] == "" {
			return nil // printf prints one line at least
		}
		return list
	}
	require.Equal(t, []string{"verify-report", "version"}, ask("watertight ver"))
	require.Equal(t, []string{"seal"}, ask("watertight audit s"))
	require.Equal(t, []string{"text", "json", "sarif"}, ask("watertight inspect --format ''"))
	require.Equal(t, []string{"json"}, ask("watertight inspect --format = j"))
	require.Empty(t, ask("watertight prove -c wat"))
	require.Empty(t, ask("watertight '$(touch broken)'"))
	require.NoFileExists(t, filepath.Join(w.dir, "broken"))
}

// The scripts of the other shells are at least read by them.
func TestShellsReadTheirScripts(t *testing.T) {
	t.Parallel()
	for shell, script := range map[string]string{"bash": completionBash, "zsh": completionZsh, "fish": completionFish} {
		t.Run(shell, func(t *testing.T) {
			cmd := exec.Command(needs.Program(t, shell, "apt-get install "+shell), "-n")
			cmd.Stdin = strings.NewReader(script)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Empty(t, string(out))
		})
	}
}

// program makes the test's own program callable by its name.
func program(t *testing.T) *workplace {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(dir, "watertight")))
	return &workplace{dir: dir, env: append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))}
}

func TestManHasEverything(t *testing.T) {
	t.Parallel()
	code, page, stderr := execute(t, nil, "man")
	require.Zero(t, code)
	require.Empty(t, stderr)
	require.True(t, strings.HasPrefix(page, ".TH WATERTIGHT 1 "))
	for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT"} {
		require.Contains(t, page, "\n.SH "+section+"\n")
	}
	for _, c := range withActions(commands()) {
		require.Contains(t, page, "\n.SS "+roff(strings.TrimSpace("watertight "+c.name+" "+c.usage))+"\n")
		for _, l := range flagLines(c.flags(&env{})) {
			require.Contains(t, page, "\n.B "+roff(l.form)+"\n")
		}
	}
	request := regexp.MustCompile(`^\.(TH|SH|SS|TP|PP|B|nf|fi|RS|RE|sp)\b`)
	open := 0
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, ".") {
			require.Regexp(t, request, line)
		}
		require.False(t, strings.HasPrefix(line, "'"), line)
		switch strings.TrimSpace(line) {
		case ".nf":
			open++
		case ".fi":
			open--
		}
		require.Contains(t, []int{0, 1}, open, line)
	}
}

func TestGroffReadsTheManual(t *testing.T) {
	t.Parallel()
	groff := needs.Program(t, "groff", "apt-get install groff-base")
	_, page, _ := execute(t, nil, "man")
	var out, problems bytes.Buffer
	cmd := exec.Command(groff, "-man", "-Tascii", "-ww", "-z")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(page), &out, &problems
	require.NoError(t, cmd.Run())
	// A line that cannot be filled is a matter of taste, anything else is not.
	left := slices.DeleteFunc(strings.Split(strings.TrimSpace(problems.String()), "\n"), func(l string) bool {
		return l == "" || strings.Contains(l, "can't break line") || strings.Contains(l, "cannot break line") || strings.Contains(l, "cannot adjust line")
	})
	require.Empty(t, left)

	cmd = exec.Command(groff, "-man", "-Tascii", "-P-cbou")
	cmd.Stdin = strings.NewReader(page)
	text, err := cmd.Output()
	require.NoError(t, err)
	require.Contains(t, string(text), "watertight inspect postgres://postgres@localhost/app --app-role app")
	require.Contains(t, string(text), "NO_COLOR")
}

func TestPainter(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := &painter{to: &b}
	for _, part := range []string{"err", "or: one\nwatertight: error: two\na.sql:3:1: warning: three\n", "no error: four\n", `{"error": 5}` + "\n", "clean: 0 leaks"} {
		n, err := p.Write([]byte(part))
		require.NoError(t, err)
		require.Len(t, part, n)
	}
	flush(p)
	require.Equal(t, red+"error:"+plain+" one\nwatertight: "+red+"error:"+plain+" two\na.sql:3:1: "+yellow+"warning:"+plain+" three\n"+
		"no error: four\n"+`{"error": 5}`+"\n"+green+"clean:"+plain+" 0 leaks", b.String())
	var plainly bytes.Buffer
	require.Same(t, &plainly, painted(&plainly, os.Getenv))
}

// In a real terminal, with and without NO_COLOR.
func TestColoursInATerminal(t *testing.T) {
	t.Parallel()
	script := needs.Program(t, "script", "apt-get install bsdutils")
	w := program(t)
	ask := func(variables ...string) string {
		cmd := exec.Command(script, "-qec", "watertight genrate; watertight lint --schema schema.sql --queries q.sql", "/dev/null")
		cmd.Env, cmd.Dir = slices.Concat(w.env, []string{"TERM=xterm", "NO_COLOR="}, variables), w.dir
		cmd.Stdin = strings.NewReader("")
		out, _ := cmd.Output() // it ends as lint does, with 1
		require.Contains(t, string(out), "there is no command")
		require.Contains(t, string(out), "WTL")
		return string(out)
	}
	w.write(t, "schema.sql", "create table notes (tenant_id uuid not null, id uuid primary key);")
	w.write(t, "q.sql", "-- name: All :many\nselect id from notes;\n")
	out := ask()
	require.Contains(t, out, "watertight: "+red+"error:"+plain)
	require.Contains(t, out, cyan+"hint:"+plain)
	require.Equal(t, 3, strings.Count(out, plain), out) // one of lint's
	require.NotContains(t, ask("NO_COLOR=1"), "\x1b")
	require.NotContains(t, ask("TERM=dumb"), "\x1b")
}

func TestFlagsSuggest(t *testing.T) {
	t.Parallel()
	code, _, stderr := execute(t, nil, "generate", "--cehck")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "watertight: error: there is no flag --cehck\nhint: did you mean --check?\n", stderr)
	_, _, stderr = execute(t, nil, "generate", "--frobnicate")
	require.Equal(t, "watertight: error: there is no flag --frobnicate\nhint: watertight generate --help shows what it takes\n", stderr)
	_, _, stderr = execute(t, nil, "audit", "sael")
	require.Equal(t, "watertight: error: the first argument is none of audit's actions\nhint: did you mean watertight audit seal?\n", stderr)
	_, _, stderr = execute(t, nil, "migrate", "postgres://a:hunter22@b/c", "staus")
	require.Equal(t, "watertight: error: the first argument is none of migrate's actions\nhint: did you mean watertight migrate status?\n", stderr)
}
