package docs_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a page calls by name is there: tests, Go identifiers, files,
// functions of the database, rules, commands and their flags.
func TestNamesExist(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	t.Run("wrong names are seen", func(t *testing.T) { wrongNamesAreSeen(t, tree) })
	seen := 0
	for _, name := range append(allPages(t), "../CHANGELOG.md") {
		text := withoutBlocks(readFile(t, name))
		for _, m := range inline.FindAllStringSubmatch(text, -1) {
			if problem := tree.look(m[1]); problem != "" {
				t.Errorf("%s: `%s`: %s", name, m[1], problem)
			}
			seen++
		}
	}
	require.Greater(t, seen, 100, "hardly any name was found")
}

var inline = regexp.MustCompile("`([^`\n]+)`")

// withoutBlocks is the prose of a page.
func withoutBlocks(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inside = !inside
			continue
		}
		if !inside {
			b.WriteString(line)
		}
	}
	return b.String()
}

// A tree is what this repository has of named things.
type tree struct {
	tests   map[string]bool            // TestNamesExist
	symbols map[string]map[string]bool // tenancy: Open, DB.Admit, Config.Key
	folders map[string]bool            // the top-level folders
	sql     string                     // the migrations
	rules   map[string]bool            // WTL001
	help    func(command string) string
}

var (
	testName   = regexp.MustCompile(`^(?:[a-z]+: )?((?:Test|Fuzz|Benchmark|Example)[A-Z]\w*)$`)
	identifier = regexp.MustCompile(`^([a-z]+)\.([A-Z]\w*(?:\.[A-Z]\w*)?)(?:\(.*\))?$`)
	file       = regexp.MustCompile(`^([a-z_]+)(/[\w.-]+)+/?$`)
	sqlName    = regexp.MustCompile(`\bwatertight\.([a-z_]+)\b`)
	ruleID     = regexp.MustCompile(`^WT[A-Z]\d{3}$`)
	flagName   = regexp.MustCompile(`(?:^| )(--?[a-z][a-z-]*)`)
)

// look returns what is wrong with a name, or nothing.
func (tr *tree) look(name string) string {
	if m := testName.FindStringSubmatch(name); m != nil {
		if !tr.tests[m[1]] {
			return "there is no such test"
		}
		return ""
	}
	if m := identifier.FindStringSubmatch(name); m != nil {
		symbols, ours := tr.symbols[m[1]]
		if ours && !symbols[m[2]] {
			return "the package has no such name"
		}
		return ""
	}
	if m := file.FindStringSubmatch(name); m != nil && tr.folders[m[1]] {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			return "there is no such file"
		}
		return ""
	}
	if ruleID.MatchString(name) && !tr.rules[name] {
		return "there is no such rule"
	}
	for _, m := range sqlName.FindAllStringSubmatch(name, -1) {
		if m[1] != "yaml" && !strings.Contains(tr.sql, "watertight."+m[1]) {
			return "the migrations know no watertight." + m[1]
		}
	}
	if words, ok := strings.CutPrefix(name, "watertight "); ok {
		return tr.lookCommand(words)
	}
	return ""
}

// lookCommand compares a command line with the command's own help.
func (tr *tree) lookCommand(words string) string {
	command := regexp.MustCompile(`^[a-z-]+(?: [a-z-]+)?`).FindString(words)
	help := tr.help(command)
	if first, action, two := strings.Cut(command, " "); two && help == "" {
		command, help = first, tr.help(first)
		if strings.Contains(help, "usage: watertight "+first+" ACTION") {
			return "watertight " + first + " has no action " + action
		}
	}
	if help == "" {
		return "there is no such command"
	}
	for _, m := range flagName.FindAllStringSubmatch(words, -1) {
		if !strings.Contains(help, " "+m[1]+" ") && !strings.Contains(help, " "+m[1]+"\n") {
			return "watertight " + command + " has no flag " + m[1]
		}
	}
	return ""
}

func newTree(t *testing.T) *tree {
	t.Helper()
	tr := &tree{tests: map[string]bool{}, symbols: map[string]map[string]bool{}, folders: map[string]bool{}, rules: map[string]bool{}}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if e.Name() == ".git" || e.Name() == "testdata" {
				return fs.SkipDir
			}
			if filepath.Dir(name) == root {
				tr.folders[e.Name()] = true
			}
			if m := regexp.MustCompile(`^(wt[a-z]\d{3})-`).FindStringSubmatch(e.Name()); m != nil {
				tr.rules[strings.ToUpper(m[1])] = true
			}
			return nil
		}
		switch filepath.Ext(name) {
		case ".go":
			return tr.addGo(name)
		case ".sql":
			if strings.HasPrefix(filepath.ToSlash(name), root+"/schema/migrations/") {
				src, err := os.ReadFile(name)
				tr.sql += string(src)
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	for _, id := range regexp.MustCompile(`"(WTA\d{3})"`).FindAllStringSubmatch(readFile(t, "../leaktest/rules.go"), -1) {
		tr.rules[id[1]] = true
	}
	tr.help = helpOf(t)
	return tr
}

// addGo notes the tests of a file, or what it exports.
func (tr *tree) addGo(name string) error {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	symbols := tr.symbols[f.Name.Name]
	if symbols == nil {
		symbols = map[string]bool{}
		tr.symbols[f.Name.Name] = symbols
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch {
			case strings.HasSuffix(name, "_test.go"):
				tr.tests[d.Name.Name] = true
			case d.Recv == nil:
				symbols[d.Name.Name] = true
			default:
				symbols[receiver(d.Recv.List[0].Type)+"."+d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				addSpec(symbols, spec)
			}
		}
	}
	return nil
}

func addSpec(symbols map[string]bool, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, n := range s.Names {
			symbols[n.Name] = true
		}
	case *ast.TypeSpec:
		symbols[s.Name.Name] = true
		var members *ast.FieldList
		switch underlying := s.Type.(type) {
		case *ast.StructType:
			members = underlying.Fields
		case *ast.InterfaceType:
			members = underlying.Methods
		default:
			return
		}
		for _, field := range members.List {
			for _, n := range field.Names {
				symbols[s.Name.Name+"."+n.Name] = true
			}
		}
	}
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// helpOf returns what a command prints for --help, and nothing for what is no
// command.
func helpOf(t *testing.T) func(string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "watertight")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./cmd/watertight")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	known := map[string]string{}
	return func(command string) string {
		if help, ok := known[command]; ok {
			return help
		}
		var out bytes.Buffer
		cmd := exec.Command(program, append(strings.Fields(command), "--help")...)
		cmd.Stdout = &out
		if cmd.Run() == nil && strings.Contains(out.String(), "usage: watertight "+command) {
			known[command] = out.String()
		} else {
			known[command] = ""
		}
		return known[command]
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// Links within the repository lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, name := range append(allPages(t), "../CHANGELOG.md") {
		for _, m := range link.FindAllStringSubmatch(withoutBlocks(readFile(t, name)), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			seen++
			target, anchor, _ := strings.Cut(m[1], "#")
			path := name
			if target != "" {
				path = filepath.Join(filepath.Dir(name), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, m[1])
				continue
			}
			if anchor != "" && !hasAnchor(readFile(t, path), anchor) {
				t.Errorf("%s: %s has no heading for #%s", name, path, anchor)
			}
		}
	}
	require.NotZero(t, seen, "no page links to another")
}

// hasAnchor reports whether the page has a heading of this anchor, by the rules
// of GitHub.
func hasAnchor(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(withoutBlocks(text), -1) {
		slug := strings.ToLower(strings.TrimSpace(m[1]))
		slug = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(slug, "")
		if strings.ReplaceAll(slug, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// wrongNamesAreSeen tries each kind of wrong name.
func wrongNamesAreSeen(t *testing.T, tree *tree) {
	t.Helper()
	for _, wrong := range []string{
		"TestThatNobodyWrote", "envelope: TestThatNobodyWrote", "tenancy.Opens", "tenancy.Config.Keys", "schema.AddKey2(ctx)",
		"tenancy/open.txt", "lint/rules/wtl000", "select watertight.protects('t')", "WTL999",
		"watertight frobnicate", "watertight inspect URL --as-role app", "watertight audit seals",
	} {
		require.NotEmpty(t, tree.look(wrong), wrong)
	}
	for _, right := range []string{
		"TestNamesExist", "tenancy.Open", "tenancy.DB.Admit", "tenancy.Config.Key", "tenancy/open.go", "lint/",
		"select watertight.protect('t')", "WTL001", "WTI001", "WTA001", "watertight inspect URL --app-role app",
		"watertight audit seal", "watertight audit seal URL --signing-key FILE", "io.Reader", "some words",
	} {
		require.Empty(t, tree.look(right), right)
	}
	require.True(t, hasAnchor("# A, b: `c`\n", "a-b-c"))
	require.False(t, hasAnchor("# A\n", "b"))
}
