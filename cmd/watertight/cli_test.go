package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// execute runs the program in this process, without a terminal or environment.
func execute(t *testing.T, getenv func(string) string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	var out, errs bytes.Buffer
	code = run(t.Context(), &env{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: getenv}, args)
	return code, out.String(), errs.String()
}

// A command that cannot be learnt from its help is not finished.
func TestEveryCommandTeaches(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range withActions(commands()) {
		if seen[c.name] {
			t.Errorf("%s is in the table twice", c.name)
		}
		seen[c.name] = true
		code, stdout, stderr := execute(t, nil, append(strings.Fields(c.name), "--help")...)
		if code != 0 || stderr != "" {
			t.Errorf("%s --help: exit code %d, stderr %q", c.name, code, stderr)
		}
		for _, want := range []string{"watertight " + c.name + ": " + c.summary, "\nusage: watertight " + c.name, "\nexamples:\n  ", c.help} {
			if !strings.Contains(stdout, want) || strings.HasSuffix(want, ": ") {
				t.Errorf("%s --help does not say %q", c.name, want)
			}
		}
		if !strings.Contains(c.example, "watertight "+c.name) {
			t.Errorf("the examples of %s do not run it", c.name)
		}
		if strings.HasSuffix(c.summary, ".") || len(c.summary) > 62 {
			t.Errorf("the summary of %s does not fit the list: %q", c.name, c.summary)
		}
		for line := range strings.Lines(stdout) {
			if n := len(strings.TrimRight(line, "\n")); n > 120 {
				t.Errorf("%s --help has a line of %d columns: %s", c.name, n, line)
			}
		}
		if _, help, _ := execute(t, nil, append([]string{"help"}, strings.Fields(c.name)...)...); help != stdout {
			t.Errorf("help %s is not what %s --help is", c.name, c.name)
		}
		if c.flags(&env{}) == nil {
			t.Errorf("%s does something before it defines its flags", c.name)
		}
	}
}

func TestEveryRuleIsExplained(t *testing.T) {
	t.Parallel()
	all := rules()
	if len(all) == 0 {
		t.Fatal("there are no rules to explain")
	}
	_, list, _ := execute(t, nil, "explain")
	seen := map[string]bool{}
	for _, r := range all {
		if seen[r.id] {
			t.Errorf("%s is the id of two rules", r.id)
		}
		seen[r.id] = true
		if r.title == "" || r.doc == "" || r.severity != "error" && r.severity != "warning" {
			t.Errorf("%s has no title, no text, or the severity %q", r.id, r.severity)
		}
		if !strings.Contains(list, r.id) {
			t.Errorf("explain does not list %s", r.id)
		}
		code, stdout, stderr := execute(t, nil, "explain", strings.ToLower(r.id))
		if code != 0 || stderr != "" || !strings.HasPrefix(stdout, r.id+" ("+r.severity+"): "+r.title) {
			t.Errorf("explain %s: exit code %d, %q, %q", r.id, code, stdout, stderr)
		}
	}
}

func TestFlagsAndArgumentsMix(t *testing.T) {
	t.Parallel()
	type result struct {
		positional, paths, roles []string
		check                    bool
	}
	cases := []struct {
		args string
		want result
	}{
		{"", result{}},
		{"a", result{positional: []string{"a"}}},
		{"a --check b", result{positional: []string{"a", "b"}, check: true}},
		{"-check a -role x -role y", result{positional: []string{"a"}, roles: []string{"x", "y"}, check: true}},
		{"--role x a", result{positional: []string{"a"}, roles: []string{"x"}}},
		{"--paths p q r", result{paths: []string{"p", "q", "r"}}},
		{"--paths p q --check r", result{paths: []string{"p", "q"}, positional: []string{"r"}, check: true}},
		{"--paths p --paths q r", result{paths: []string{"p", "q", "r"}}},
		{"--paths=p q", result{paths: []string{"p"}, positional: []string{"q"}}},
		{"--paths p postgres://host/db", result{paths: []string{"p"}, positional: []string{"postgres://host/db"}}},
		{"--paths p q -- r -check", result{paths: []string{"p", "q"}, positional: []string{"r", "-check"}}},
		{"-- --paths", result{positional: []string{"--paths"}}},
	}
	for _, c := range cases {
		var got result
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		fs.BoolVar(&got.check, "check", false, "")
		fs.Var((*pathList)(&got.paths), "paths", "")
		fs.Var((*stringList)(&got.roles), "role", "")
		positional, err := interleaved(fs, strings.Fields(c.args))
		got.positional = positional
		if err != nil || !slices.Equal(got.positional, c.want.positional) || !slices.Equal(got.paths, c.want.paths) ||
			!slices.Equal(got.roles, c.want.roles) || got.check != c.want.check {
			t.Errorf("%q: %+v, %v; want %+v", c.args, got, err, c.want)
		}
	}
}

func TestFlagsRefuse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--format", "xml"}, {"--paths", ""}, {"--paths", "p", ""}, {"--role="}, {"--unknown"}, {"--check=perhaps"}} {
		format := "text"
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		fs.SetOutput(&bytes.Buffer{})
		fs.Bool("check", false, "")
		fs.Var(choice{&format, []string{"text", "json"}}, "format", "")
		fs.Var(&pathList{}, "paths", "")
		fs.Var(&stringList{}, "role", "")
		if _, err := interleaved(fs, args); err == nil {
			t.Errorf("%q: no error", args)
		}
		if format != "text" {
			t.Errorf("%q set the format to %s", args, format)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	c := &call{cmd: &command{name: "try"}}
	cases := []struct {
		err  error
		code int
		want string
	}{
		{nil, 0, ""},
		{errHelped, 0, ""},
		{findings(""), 1, ""},
		{fmt.Errorf("try: %w", findings("two findings (fix them)")), 1, "watertight: error: try: two findings\nhint: fix them\n"},
		{errors.New("no such table (create it)"), 2, "watertight: error: no such table\nhint: create it\n"},
		{errors.New("no such table"), 2, "watertight: error: no such table\n"},
		{usageError{"an argument is missing"}, 2, "watertight: error: an argument is missing\nhint: watertight try --help shows what it takes\n"},
		{usageError{"no database (set it)"}, 2, "watertight: error: no database\nhint: set it\n"},
	}
	for _, tc := range cases {
		var stderr bytes.Buffer
		if code := exitCode(&env{stderr: &stderr}, c, tc.err); code != tc.code || stderr.String() != tc.want {
			t.Errorf("%v: exit code %d and %q, want %d and %q", tc.err, code, &stderr, tc.code, tc.want)
		}
	}
}

func TestErrorsDoNotShowTheDatabaseURL(t *testing.T) {
	t.Parallel()
	cases := []struct{ url, password string }{
		{"postgres://app:hunter22@db.example:5432/app", "hunter22"},
		{"postgres://app:hunter22%2F@db.example/app?sslmode=verify-full", "hunter22/"},
		{"postgres://app:hunter22%2F@db.example/app?sslmode=verify-full", "hunter22%2F"},
		{"postgres://app@db.example/app?password=hunter22", "hunter22"},
		{"host=db.example user=app password=hunter22 dbname=app", "hunter22"},
		{"host=db.example password = 'hunter22 and more' user=app", "hunter22 and more"},
	}
	for _, tc := range cases {
		var stderr bytes.Buffer
		c := &call{cmd: &command{name: "try"}, secret: tc.url}
		exitCode(&env{stderr: &stderr}, c, fmt.Errorf("cannot parse %s: the password %s is wrong", tc.url, tc.password))
		if want := "watertight: error: cannot parse the database URL: the password xxxxx is wrong\n"; stderr.String() != want {
			t.Errorf("%s: %q, want %q", tc.url, &stderr, want)
		}
	}
}

func TestDatabaseURLComesFromArgumentOrEnvironment(t *testing.T) {
	t.Parallel()
	c := func(value string) *call {
		return &call{env: &env{getenv: func(name string) string {
			if name == "DATABASE_URL" {
				return value
			}
			return ""
		}}}
	}
	if got, err := c("postgres://env/").databaseURL([]string{"postgres://arg/"}); err != nil || got != "postgres://arg/" {
		t.Errorf("both: %q, %v", got, err)
	}
	fromEnv := c("postgres://env/")
	if got, err := fromEnv.databaseURL(nil); err != nil || got != "postgres://env/" || fromEnv.secret != got {
		t.Errorf("environment: %q, %v; kept secret: %q", got, err, fromEnv.secret)
	}
	if _, err := c("").databaseURL(nil); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("neither: %v", err)
	}
}

func TestNearestCommand(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"generat": "generate", "gnerate": "generate", "gen": "generate", "versoin": "version",
		"explian": "explain", "hepl": "help", "g": "", "": "", "deploy": "", "xxxxxxxxxxxxxxxx": "",
	}
	for in, want := range cases {
		if got := nearest(in, helpCommand().words()); got != want {
			t.Errorf("%q is near %q, want %q", in, got, want)
		}
	}
}

func TestWrapped(t *testing.T) {
	t.Parallel()
	cases := []struct{ in, want string }{
		{"", ""},
		{"one two", "one two"},
		{"one two three", "one two\n  three"},
		{"one twothree four", "one\n  twothree\n  four"},
		{"a-word-that-is-too-long x", "a-word-that-is-too-long\n  x"},
	}
	for _, c := range cases {
		if got := wrapped(c.in, 8, 2); got != c.want {
			t.Errorf("%q became %q, want %q", c.in, got, c.want)
		}
	}
}

func TestPrintVersion(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	printVersion(&b, &debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}, {Key: "vcs.time", Value: "2026-11-25T00:00:00Z"}},
	})
	if want := "watertight v1.2.3\ncommit     abc with local changes\ncommitted  2026-11-25T00:00:00Z\ngo "; !strings.HasPrefix(b.String(), want) {
		t.Errorf("version:\n%s", &b)
	}
	b.Reset()
	printVersion(&b, &debug.BuildInfo{})
	if !strings.HasPrefix(b.String(), "watertight (devel)\ngo ") {
		t.Errorf("version without build information:\n%s", &b)
	}
}

func TestACancelledRunFails(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	e := &env{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(string) string { return "" }}
	if code := run(ctx, e, []string{"generate", "--config", "../../sqlc.yaml"}); code != exitFailed {
		t.Errorf("exit code %d, want %d: %s", code, exitFailed, &errs)
	}
}
