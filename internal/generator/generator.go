package generator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options say what to generate, and with what.
type Options struct {
	// Config is the path of sqlc.yaml. Defaults to the one in the working
	// directory.
	Config string

	// Sqlc is the path of a sqlc of version [SqlcVersion]. Defaults to the first
	// that is found, see the package comment.
	Sqlc string

	// Plugin is the path of a program that acts as the plugin. Required.
	Plugin string

	// Stderr receives the messages of sqlc and of the plugin's gate. Required.
	Stderr io.Writer
}

// Result says what a run found or did. Paths are relative to the
// configuration's folder unless that is not the working directory.
type Result struct {
	// Differences are the files that are not as the queries say, in order of
	// their paths.
	Differences []Difference

	// Packages is the number of packages with a sealed handle.
	Packages int

	// Unsealed lists the folders that no plugin of Watertight looks at.
	Unsealed []string
}

// Difference is one file that is not as the queries say.
type Difference struct {
	Path string
	Kind Kind
	Line int    // of the first difference, for Changed
	Want string // that line as generated
	Have string // that line as it is
}

// Kind says how a file differs.
type Kind string

const (
	// Missing files would be generated and are not there.
	Missing Kind = "missing"
	// Changed files have other contents.
	Changed Kind = "changed"
	// Stale files were generated from queries that are gone.
	Stale Kind = "stale"
)

// ErrRefused is returned when sqlc or the plugin's gate found something wrong
// with schema or queries. What it is was written to Options.Stderr.
var ErrRefused = errors.New("the queries were refused (the messages above say which, and what to change)")

// Check reports what Generate would change, and changes nothing.
func Check(ctx context.Context, o Options) (*Result, error) {
	_, res, err := run(ctx, o)
	return res, err
}

// Generate writes the generated files that differ, and removes the stale ones.
// The result says which. When it returns an error it has changed nothing,
// unless the error came from writing.
func Generate(ctx context.Context, o Options) (*Result, error) {
	files, res, err := run(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, d := range res.Differences {
		if d.Kind == Stale {
			err = os.Remove(d.Path)
		} else if err = os.MkdirAll(filepath.Dir(d.Path), 0o755); err == nil {
			err = os.WriteFile(d.Path, files[d.Path], 0o644)
		}
		if err != nil {
			return nil, err
		}
	}
	return res, nil
}

// run generates into a shadow and compares. files are the contents of all
// generated files by the path they belong at.
func run(ctx context.Context, o Options) (files map[string][]byte, res *Result, err error) {
	conf, err := ReadConfig(o.Config)
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Dir(conf.Path)
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	sqlc, err := findSqlc(ctx, absolute, o.Sqlc, o.Stderr)
	if err != nil {
		return nil, nil, err
	}
	s, err := newShadow(conf)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	messages, err := runSqlc(ctx, o.Plugin, sqlc, absolute, filepath.Join(s.dir, filepath.Base(conf.Path)))
	_, _ = o.Stderr.Write(withoutRepeats(messages))
	if errors.Is(err, ErrRefused) {
		return nil, nil, err
	} else if err != nil {
		return nil, nil, fmt.Errorf("run sqlc: %w", err)
	}
	want, err := s.outputs()
	if err != nil {
		return nil, nil, err
	}
	return compare(conf, dir, want)
}

// compare compares what sqlc wrote with what is under dir. want has paths
// relative to dir; the returned files have dir in theirs.
func compare(conf *Config, dir string, want map[string][]byte) (map[string][]byte, *Result, error) {
	files, res := map[string][]byte{}, &Result{}
	for rel, src := range want {
		path := filepath.Join(dir, rel)
		files[path] = src
		have, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			res.Differences = append(res.Differences, Difference{Path: path, Kind: Missing})
		case err != nil:
			return nil, nil, err
		case !bytes.Equal(src, have):
			res.Differences = append(res.Differences, firstDifference(path, src, have))
		}
	}
	for _, b := range conf.Blocks {
		if b.Sealed {
			res.Packages++
		} else {
			res.Unsealed = append(res.Unsealed, b.Outs...)
		}
	}
	stale, err := staleFiles(conf, dir, files)
	res.Differences = append(res.Differences, stale...)
	slices.SortFunc(res.Differences, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return files, res, err
}

// staleFiles returns the generated files in the folders of the configuration
// that are not among files.
func staleFiles(conf *Config, dir string, files map[string][]byte) ([]Difference, error) {
	var outs []string
	for _, b := range conf.Blocks {
		outs = append(outs, b.Outs...)
	}
	slices.Sort(outs)
	var stale []Difference
	for _, out := range slices.Compact(outs) {
		names, err := generatedIn(filepath.Join(dir, out))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			path := filepath.Join(dir, out, name)
			if _, ok := files[path]; !ok {
				stale = append(stale, Difference{Path: path, Kind: Stale})
			}
		}
	}
	return stale, nil
}

func firstDifference(path string, want, have []byte) Difference {
	d := Difference{Path: path, Kind: Changed, Line: 1}
	w, h := bytes.Split(want, []byte("\n")), bytes.Split(have, []byte("\n"))
	for i := range max(len(w), len(h)) {
		d.Line, d.Want, d.Have = i+1, lineAt(w, i), lineAt(h, i)
		if d.Want != d.Have {
			break
		}
	}
	return d
}

func lineAt(lines [][]byte, i int) string {
	if i >= len(lines) {
		return ""
	}
	return string(lines[i])
}
