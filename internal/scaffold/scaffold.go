package scaffold

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed all:project
var templates embed.FS

// Kinds of CI that a project can have a file for.
const (
	GitHub = "github"
	NoCI   = "none"
)

// Project is what there is to say about a new project.
type Project struct {
	Dir     string // where it goes: a new folder, or an empty one
	Module  string // the path of its module
	Version string // of Watertight, for go.mod
	Replace string // a checkout of Watertight to use instead; empty for none
	CI      string // GitHub or NoCI
}

// Name is the last part of the module's path: the program's name.
func (p Project) Name() string { return path.Base(p.Module) }

// Role is the name as one of a role in Postgres.
func (p Project) Role() string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' {
			return '_'
		}
		return r
	}, strings.ToLower(p.Name()))
}

// modulePath is narrower than what Go allows: what ends up in code, YAML and
// shell commands needs no quoting.
var modulePath = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9][A-Za-z0-9._~-]*)*$`)

// CheckModule says why a text is no path of a module, if it is none.
func CheckModule(module string) error {
	if !modulePath.MatchString(module) {
		return fmt.Errorf("%q is not the path of a module (write one such as github.com/you/shop)", module)
	}
	return nil
}

// CheckDir says why a project cannot go to a folder, if it cannot.
func CheckDir(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s is not a folder that can be read (name a new one)", dir)
	case len(entries) > 0:
		return fmt.Errorf("%s exists and is not empty (name a new folder: nothing is overwritten)", dir)
	}
	// A folder that is replaced would leave the shell that stands in it nowhere.
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the working folder: %w", err)
	}
	if a, err := os.Stat(here); err == nil {
		if b, err := os.Stat(dir); err == nil && os.SameFile(a, b) {
			return errors.New("the project cannot take the place of the working folder (name a new one)")
		}
	}
	return nil
}

// Write writes a project. It is built in a folder beside its own, where finish
// is called, and moved when everything is done: a run that fails or is killed
// leaves nothing where the project was to be.
func Write(ctx context.Context, p Project, finish func(ctx context.Context, dir string) error) (err error) {
	if err := errors.Join(CheckModule(p.Module), CheckDir(p.Dir)); err != nil {
		return err
	}
	target, err := filepath.Abs(p.Dir)
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("make the folder around the project: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(target), "."+filepath.Base(target)+".new-")
	if err != nil {
		return fmt.Errorf("make a folder to work in: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(work))
		}
	}()
	if err := os.Chmod(work, 0o755); err != nil {
		return fmt.Errorf("open the folder to work in: %w", err)
	}
	if err := p.render(work); err != nil {
		return err
	}
	if err := finish(ctx, work); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return move(work, target)
}

// move puts the finished project in its place. An empty folder gives way; one
// that was filled meanwhile is left alone by both calls.
func move(work, target string) error {
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was filled by somebody else meanwhile (name a new folder)", target)
	}
	if err := os.Rename(work, target); err != nil {
		return fmt.Errorf("move the project to its place: %w", err)
	}
	return nil
}

// render writes the templates into a folder.
func (p Project) render(dir string) error {
	files, err := p.Files()
	if err != nil {
		return err
	}
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return fmt.Errorf("make a folder of the project: %w", err)
		}
		if err := os.WriteFile(full, content, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// Files returns the files of a project by name.
func (p Project) Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(templates, "project", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := projectName(file)
		if p.CI != GitHub && strings.HasPrefix(name, ".github/") {
			return nil
		}
		text, err := templates.ReadFile(file)
		if err != nil {
			return err
		}
		t, err := template.New(name).Delims("[[", "]]").Option("missingkey=error").Parse(string(text))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, p); err != nil {
			return err
		}
		files[name] = b.Bytes()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("fill in the project's files: %w", err)
	}
	return files, nil
}

// projectName turns the name of a template into that of its file. Names with a
// dot in front stand without it, so that no tool takes the templates for its
// own settings.
func projectName(file string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(file, "project/"), ".tmpl")
	for _, hidden := range []string{"gitignore", "github/"} {
		if strings.HasPrefix(name, hidden) {
			return "." + name
		}
	}
	return name
}
