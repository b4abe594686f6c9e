package generator

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/internal/sqlcplugin"
)

func write(t *testing.T, dir, name, src string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(src), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestSqlcVersionIsTheOneOfTheTools(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile(filepath.Join("..", "..", "tools", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`github\.com/sqlc-dev/sqlc (v\S+)`).FindSubmatch(src)
	if m == nil || string(m[1]) != SqlcVersion {
		t.Errorf("tools/go.mod has sqlc %s, this package %s", m, SqlcVersion)
	}
}

// Not parallel: the test sets the PATH and the home.
func TestFindSqlcPassesOverOtherVersions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins for sqlc are shell scripts")
	}
	dir := t.TempDir() // no module, no tools
	script := func(version string) string { return "#!/bin/sh\necho " + version + "\n" }
	write(t, dir, "new/sqlc", script("v9.9.9"))
	write(t, dir, "new/go", "#!/bin/sh\necho no network >&2; exit 1\n")
	write(t, dir, "right/sqlc", script(SqlcVersion))
	write(t, dir, "builds/go", `#!/bin/sh
test "$1 $2" = "install `+sqlcPackage+`@`+SqlcVersion+`" || exit 1
mkdir -p "$GOBIN"
echo "$GOFLAGS" >"$GOBIN.flags"
printf '#!/bin/sh\necho `+SqlcVersion+`\n' >"$GOBIN/sqlc" && chmod +x "$GOBIN/sqlc"
`)
	at := func(name string) string { return filepath.Join(dir, name, "sqlc") }
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("GOFLAGS", "-mod=vendor -buildvcs=false")
	find := func(path, named string) (string, string, error) {
		t.Setenv("PATH", filepath.Join(dir, path)+":/bin:/usr/bin")
		var notice strings.Builder
		got, err := findSqlc(t.Context(), dir, named, &notice)
		return got, notice.String(), err
	}

	if got, notice, err := find("right", ""); err != nil || got != at("right") || notice != "" {
		t.Errorf("sqlc on the PATH: %v, %q, %v", got, notice, err)
	}
	got, notice, err := find("new", "")
	if err == nil || !strings.Contains(err.Error(), "no network") || !strings.Contains(err.Error(), sqlcPackage+"@"+SqlcVersion) {
		t.Errorf("another version on the PATH and no network: %v, %v", got, err)
	}
	if !strings.Contains(notice, "building sqlc "+SqlcVersion) {
		t.Errorf("notice %q does not say that sqlc is built", notice)
	}

	built := filepath.Join(cacheDir(), "sqlc")
	if got, _, err := find("builds", ""); err != nil || got != built {
		t.Errorf("built: %v, %v; want %s", got, err, built)
	}
	if flags, err := os.ReadFile(cacheDir() + ".flags"); err != nil || string(flags) != "-buildvcs=false\n" {
		t.Errorf("built with flags %q, %v", flags, err)
	}
	if got, notice, err := find("new", ""); err != nil || got != built || notice != "" {
		t.Errorf("from the cache: %v, %q, %v", got, notice, err)
	}

	if got, _, err := find("new", at("right")); err != nil || got != at("right") {
		t.Errorf("named: %v, %v", got, err)
	}
	if _, _, err := find("right", at("new")); err == nil || !strings.Contains(err.Error(), "v9.9.9") {
		t.Errorf("named, of another version: %v", err)
	}
	if _, _, err := find("right", at("none")); err == nil {
		t.Error("a program that does not exist was taken")
	}
}

func TestToolsModuleLooksUpwards(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a/b/tools/go.mod", "module other\n")
	write(t, dir, "a/tools/go.mod", "module tools\n\ntool "+sqlcPackage+"\n")
	if got, want := toolsModule(filepath.Join(dir, "a", "b")), filepath.Join(dir, "a", "tools"); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	if got := toolsModule(dir); got != "" {
		t.Errorf("found %q above, want nothing", got)
	}
}

func TestShadowLaysOutWhatSqlcReads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{
		"schema/1.sql", "schema/2.down.sql", "schema/.3.sql", "schema/deep/4.sql", "schema/readme.md",
		"app/db/sqlc.yaml", "app/query/a.sql", "app/query/b.sql", "app/db/extra.sql",
	} {
		write(t, dir, name, name)
	}
	conf := &Config{
		Path: filepath.Join(dir, "app/db/sqlc.yaml"),
		Blocks: []Block{{
			Schema: []string{"../../schema", "extra.sql"}, Queries: []string{"../query/*.sql"}, Outs: []string{"../query"},
		}},
	}
	s, err := newShadow(conf)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for path := range s.inputs {
		rel, err := filepath.Rel(s.dir, path)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.ToSlash(rel))
	}
	slices.Sort(got)
	want := []string{"../../schema/1.sql", "../query/a.sql", "../query/b.sql", "extra.sql", "sqlc.yaml"}
	if !slices.Equal(got, want) {
		t.Errorf("copied %v, want %v", got, want)
	}

	write(t, s.dir, "../query/a.sql.go", "new")
	out, err := s.outputs()
	if err != nil || len(out) != 1 || string(out[filepath.FromSlash("../query/a.sql.go")]) != "new" {
		t.Errorf("outputs %v, %v", out, err)
	}
	if err := s.remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.root); err == nil {
		t.Error("the temporary folder is still there")
	}
}

func TestStaleFilesAreGeneratedOnes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const bySqlc = "// Code generated by sqlc. DO NOT EDIT.\n"
	files := map[string]string{
		"kept.go":     bySqlc + "\npackage q\n",
		"gone.sql.go": bySqlc + "// source: gone.sql\n\npackage q\n",
		"tagged.go":   "//go:build x\n\n" + bySqlc + "\npackage q\n",
		"db.go":       sqlcplugin.Header + "\n\npackage q\n",
		"hand.go":     "package q\n\n" + bySqlc,
		"other.go":    "// Code generated by protoc-gen-go. DO NOT EDIT.\n\npackage q\n",
		"notes.txt":   bySqlc,
	}
	for name, src := range files {
		write(t, dir, "q/"+name, src)
	}
	conf := &Config{Blocks: []Block{{Outs: []string{"q"}}, {Outs: []string{"q", "absent"}}}}
	stale, err := staleFiles(conf, dir, map[string][]byte{filepath.Join(dir, "q", "kept.go"): nil})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range stale {
		got = append(got, filepath.Base(d.Path))
	}
	if want := []string{"db.go", "gone.sql.go", "tagged.go"}; !slices.Equal(got, want) {
		t.Errorf("stale: %v, want %v", got, want)
	}
}

func TestFirstDifference(t *testing.T) {
	t.Parallel()
	cases := []struct {
		want, have         string
		line               int
		wantLine, haveLine string
	}{
		{"a\nb\nc\n", "a\nx\nc\n", 2, "b", "x"},
		{"a\nb\n", "a\n", 2, "b", ""},
		{"a\n", "a\nb\n", 2, "", "b"},
		{"a\n", "a", 2, "", ""}, // the line break at the end
		{"a\n", "", 1, "a", ""},
	}
	for _, c := range cases {
		d := firstDifference("f", []byte(c.want), []byte(c.have))
		if d.Line != c.line || d.Want != c.wantLine || d.Have != c.haveLine {
			t.Errorf("%q against %q: line %d, want %q, have %q", c.want, c.have, d.Line, d.Want, d.Have)
		}
	}
}

func TestWithoutRepeats(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"":                              "",
		"stray\n":                       "stray\n",
		"stray\n# package q\na:1: no\n": "stray\n# package q\na:1: no\n",
		"# package q\na:1: no\n# package watertight\na:1: no\n":                       "# package q\na:1: no\n",
		"# package q\na:1: no\n# package watertight\nb:1: no\n# package p\nb:1: no\n": "# package q\na:1: no\n# package watertight\nb:1: no\n",
	}
	for in, want := range cases {
		if got := string(withoutRepeats([]byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
