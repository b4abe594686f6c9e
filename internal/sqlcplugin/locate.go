package sqlcplugin

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Position is where a query begins.
type Position struct {
	File string // relative to the folder of sqlc.yaml where it is known
	Line int    // of the name line; 0 when the file cannot be read
	// Column is known to gates that read the query; 0 when it is not.
	Column int
}

// String returns file:line or file:line:column, or the file alone when the line
// is unknown.
func (p Position) String() string {
	s := p.File
	if p.Line > 0 {
		s += ":" + strconv.Itoa(p.Line)
		if p.Column > 0 {
			s += ":" + strconv.Itoa(p.Column)
		}
	}
	return s
}

// nameLine is the line that names a query. sqlc takes exactly this form.
var nameLine = regexp.MustCompile(`^(?:--|/\*) name: (\S+) :`)

// Locate returns the position of a query of the request. sqlc tells the name of
// the file but neither its folder nor the line, so Locate reads the query files
// again, relative to the working directory; when sqlc runs elsewhere than in
// the folder of sqlc.yaml they are not found, and the position is the bare name
// of the file.
func (r *Request) Locate(q Query) Position {
	for _, file := range SQLFiles(r.Settings.Queries) {
		if filepath.Base(file) != q.Filename {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if line := lineOf(src, q.Name); line > 0 {
			return Position{File: filepath.ToSlash(file), Line: line}
		}
	}
	return Position{File: q.Filename}
}

func lineOf(src []byte, name string) int {
	sc := bufio.NewScanner(bytes.NewReader(src))
	sc.Buffer(nil, len(src)+1)
	for line := 1; sc.Scan(); line++ {
		if m := nameLine.FindStringSubmatch(sc.Text()); m != nil && m[1] == name {
			return line
		}
	}
	return 0
}

// SQLFiles expands the paths of sqlc.yaml the way sqlc does: patterns, files,
// and folders without their subfolders. Hidden files and down migrations do not
// count. A path that does not exist is returned as it is.
func SQLFiles(paths []string) []string {
	var files []string
	for _, p := range paths {
		matches := []string{p}
		if strings.ContainsAny(p, "*?[]") {
			matches, _ = filepath.Glob(p) // sqlc reports a malformed pattern
		}
		for _, m := range matches {
			// The error is that of a path which is no folder, or is not there.
			in, err := os.ReadDir(m)
			if err != nil {
				files = append(files, filepath.Clean(m))
			}
			for _, e := range in {
				files = append(files, filepath.Join(m, e.Name()))
			}
		}
	}
	return slices.DeleteFunc(files, func(f string) bool {
		base := filepath.Base(f)
		return !strings.HasSuffix(base, ".sql") || strings.HasSuffix(base, ".down.sql") || strings.HasPrefix(base, ".")
	})
}
