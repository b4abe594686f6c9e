package typecheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
)

// checker type-checks programs against one set of export data.
type checker struct {
	fset    *token.FileSet
	imports []string          // paths that the parsed programs import
	exports map[string]string // path -> file with export data
	from    types.Importer
}

// program is one parsed file.
type program struct {
	checker *checker
	file    *ast.File
	wants   []want
}

func newChecker() *checker {
	c := &checker{fset: token.NewFileSet(), exports: map[string]string{}}
	c.from = importer.ForCompiler(c.fset, "gc", c.open)
	return c
}

// open gives the importer the export data of a package.
func (c *checker) open(path string) (io.ReadCloser, error) {
	file, ok := c.exports[path]
	if !ok {
		return nil, fmt.Errorf("no export data for %s", path)
	}
	return os.Open(file)
}

// parse reads one program and notes what it imports and what it expects.
func (c *checker) parse(name string) (*program, error) {
	file, err := parser.ParseFile(c.fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("%w (a program with a syntax error proves nothing about types)", err)
	}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		if path != "unsafe" && !slices.Contains(c.imports, path) {
			c.imports = append(c.imports, path)
		}
	}
	wants, err := wantsOf(c.fset, file)
	if err != nil {
		return nil, err
	}
	return &program{checker: c, file: file, wants: wants}, nil
}

// loadImports asks the go command, once for all programs, for the export data
// of what they import.
func (c *checker) loadImports() error {
	if len(c.imports) == 0 {
		return nil
	}
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Export", "--"}
	cmd := exec.Command("go", append(args, c.imports...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list -export: %w\n%s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list -export: %w", err)
		}
		if p.Export != "" {
			c.exports[p.ImportPath] = p.Export
		}
	}
}

// errors type-checks the program and returns all errors, not just the first:
// one mistake may have several, and a second mistake must not hide behind it.
func (p *program) errors() []error {
	var found []error
	conf := types.Config{
		Importer: p.checker.from,
		Error:    func(err error) { found = append(found, err) },
	}
	// Check repeats the first of the errors that Error already got.
	_, _ = conf.Check(p.file.Name.Name, p.checker.fset, []*ast.File{p.file}, nil)
	return found
}
