package watertight_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// scan returns where the pattern occurs, and the exceptions that were not used.
func (p *pattern) scan(t *testing.T, fsys fs.FS) (found, unused []string) {
	t.Helper()
	used := map[string]bool{}
	report := func(name string, hits []string) {
		if len(hits) == 0 {
			return
		}
		excused := false
		for allowed := range p.allowed {
			if matches(name, allowed) {
				used[allowed], excused = true, true
			}
		}
		if excused {
			return
		}
		for _, h := range hits {
			found = append(found, name+": "+h)
		}
	}
	if p.inString != nil || p.inGo != nil {
		for _, name := range goFiles(t, fsys) {
			if !strings.HasSuffix(name, "_test.go") {
				report(name, p.scanGo(t, fsys, name))
			}
		}
	}
	for _, name := range textFiles(t, fsys) {
		if p.inSQL != nil && path.Ext(name) == ".sql" {
			report(name, p.inSQL(readText(t, fsys, name)))
		}
		if p.inText != nil {
			for line := range strings.Lines(readText(t, fsys, name)) {
				report(name, p.inText(line))
			}
		}
	}
	for name := range p.allowed {
		if !used[name] {
			unused = append(unused, name)
		}
	}
	slices.Sort(unused)
	return found, unused
}

// scanGo looks at one Go file.
func (p *pattern) scanGo(t *testing.T, fsys fs.FS, name string) []string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, readText(t, fsys, name), parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if ast.IsGenerated(f) {
		return nil
	}
	var hits []string
	add := func(n ast.Node, texts []string) {
		for _, text := range texts {
			hits = append(hits, strconv.Itoa(fset.Position(n.Pos()).Line)+": "+text)
		}
	}
	for _, group := range f.Comments {
		for _, c := range group.List {
			if p.inGo != nil {
				add(c, p.inGo(c))
			}
		}
	}
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		if n == nil {
			return false
		}
		if p.inGo != nil {
			add(n, p.inGo(n))
		}
		if value, others, ok := stringOf(n); ok && p.inString != nil {
			add(n, p.inString(value))
			for _, other := range others {
				ast.Inspect(other, visit)
			}
			return false
		}
		return true
	}
	ast.Inspect(f, visit)
	return hits
}

// stringOf returns the value of a string of Go code. In "a" + x + "b" an x
// stands for what is not known; others are these parts.
func stringOf(n ast.Node) (value string, others []ast.Node, ok bool) {
	switch n := n.(type) {
	case *ast.BasicLit:
		if n.Kind != token.STRING {
			return "", nil, false
		}
		value, err := strconv.Unquote(n.Value)
		return value, nil, err == nil
	case *ast.BinaryExpr:
		if n.Op != token.ADD {
			return "", nil, false
		}
		left, inLeft, okLeft := stringOf(n.X)
		if !okLeft {
			left, inLeft = "x", []ast.Node{n.X}
		}
		right, inRight, okRight := stringOf(n.Y)
		if !okRight {
			right, inRight = "x", []ast.Node{n.Y}
		}
		return left + right, append(inLeft, inRight...), okLeft || okRight
	}
	return "", nil, false
}

// textFiles returns every file of the repository that a person writes.
func textFiles(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if e.Name() == ".git" || e.Name() == "testdata" || e.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Size() < 1<<20 && path.Ext(name) != ".sum" {
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func readText(t *testing.T, fsys fs.FS, name string) string {
	t.Helper()
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// goFiles returns the Go files of the module by path. testdata and hidden
// folders are no part of it, and neither is a folder with a go.mod of its own.
func goFiles(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !e.IsDir() {
			if path.Ext(name) == ".go" && !strings.HasPrefix(e.Name(), "_") && !strings.HasPrefix(e.Name(), ".") {
				files = append(files, name)
			}
			return nil
		}
		if name == "." {
			return nil
		}
		if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil || e.Name() == "testdata" || strings.ContainsAny(e.Name()[:1], "._") {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
