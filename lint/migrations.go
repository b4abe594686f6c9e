package lint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// InputError is input that cannot be read or judged: a missing file, SQL that
// does not parse, an empty set of queries. It is never a pass.
type InputError struct {
	File string
	Line int
	Msg  string
}

func (e *InputError) Error() string {
	switch {
	case e.File == "":
		return e.Msg
	case e.Line == 0:
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// ReadSchema reads schema files and folders of migrations: plain SQL, pg_dump,
// goose, golang-migrate, dbmate, tern, sql-migrate and Flyway. Folders are read
// in the order of their version numbers; down migrations are left out.
//
// The error is an [*InputError].
func ReadSchema(paths []string) (*Schema, error) {
	files, err := schemaFiles(paths)
	if err != nil {
		return nil, err
	}
	s := newSchema()
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, fileError(file, err)
		}
		if err := s.readMigration(file, string(src)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ParseSchema reads a schema from SQL text; name is for errors.
func ParseSchema(name, sql string) (*Schema, error) {
	s := newSchema()
	if err := s.readMigration(name, sql); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Schema) readMigration(file, src string) error {
	up := upPart(src)
	stmts, err := parseSQL(up)
	if err != nil {
		var se *syntaxError
		line := 0
		if errors.As(err, &se) {
			line = 1 + strings.Count(up[:min(se.Offset, len(up))], "\n")
		}
		return &InputError{file, line, err.Error() + " (the schema must be SQL that PostgreSQL accepts)"}
	}
	for _, st := range stmts {
		if err := s.apply(st.GetStmt()); err != nil {
			start := skipBlank(up, int(st.GetStmtLocation()))
			return &InputError{file, 1 + strings.Count(up[:start], "\n"), err.Error()}
		}
	}
	return nil
}

func skipBlank(s string, i int) int {
	for i < len(s) {
		l := nextLexeme(s, i)
		if l.kind != lexSpace && l.kind != lexComment {
			break
		}
		i = l.end
	}
	return min(i, len(s))
}

// upPart blanks what is not applied: the part that takes the migration back,
// psql commands, and the data of COPY. Lines keep their numbers.
func upPart(src string) string {
	src = withoutData(strings.TrimPrefix(src, "\ufeff"))
	var b strings.Builder
	down := false
	inString := lineStates(src)
	n := 0
	for line := range strings.Lines(src) {
		text := strings.TrimSpace(line)
		lower := strings.ToLower(text)
		drop := down
		switch {
		case inString[n]: // nothing inside a string is a mark
		case marksDown(lower):
			down, drop = true, true
		case marksUp(lower):
			down, drop = false, true
		case strings.HasPrefix(text, `\`):
			drop = true
		}
		n++
		if drop {
			line = "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// withoutData blanks the rows of COPY … FROM stdin, as pg_dump writes them. It
// comes first: the quotes in the data would mislead the lexer.
func withoutData(src string) string {
	if !strings.Contains(src, `\.`) {
		return src
	}
	var b strings.Builder
	data := false
	for line := range strings.Lines(src) {
		text := strings.TrimSpace(line)
		lower := strings.ToLower(text)
		switch {
		case data:
			data = text != `\.`
			line = "\n"
		case strings.HasPrefix(lower, "copy ") && strings.HasSuffix(lower, "from stdin;"):
			data = true
			line = "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// marksDown recognises the comments with which tools begin the way back.
func marksDown(line string) bool {
	rest, ok := strings.CutPrefix(line, "--")
	if !ok {
		return false
	}
	rest = strings.Join(strings.Fields(rest), " ")
	return strings.HasPrefix(rest, "+goose down") || strings.HasPrefix(rest, "+migrate down") ||
		strings.HasPrefix(rest, "migrate:down") || strings.HasPrefix(rest, "-- create above / drop below --")
}

func marksUp(line string) bool {
	rest, ok := strings.CutPrefix(line, "--")
	if !ok {
		return false
	}
	rest = strings.Join(strings.Fields(rest), " ")
	return strings.HasPrefix(rest, "+goose up") || strings.HasPrefix(rest, "+migrate up") || strings.HasPrefix(rest, "migrate:up")
}

// lineStates says for each line whether it begins inside a string or comment
// that spans lines: nothing there is a mark.
func lineStates(src string) []bool {
	states := make([]bool, 0, strings.Count(src, "\n")+1)
	states = append(states, false)
	lex(src, func(l lexeme) bool {
		in := l.kind == lexString || l.kind == lexComment
		for range strings.Count(src[l.start:l.end], "\n") {
			states = append(states, in)
		}
		return true
	})
	return states
}

// schemaFiles expands folders and patterns into files, in order.
func schemaFiles(paths []string) ([]string, error) {
	files, err := sqlFiles(paths)
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(f string) bool {
		base := strings.ToLower(filepath.Base(f))
		return strings.HasSuffix(base, ".down.sql") || len(base) > 1 && base[0] == 'u' && isDigit(base[1]) && strings.Contains(base, "__")
	})
	if len(files) == 0 {
		return nil, &InputError{Msg: "no schema file was found (pass --schema with .sql files or a folder of migrations)"}
	}
	return files, nil
}

// sqlFiles expands each path: a file stays, a folder becomes its .sql files
// (those of its subfolders when it has none itself), a pattern its matches.
func sqlFiles(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		matches := []string{p}
		if strings.ContainsAny(p, "*?[") {
			if m, err := filepath.Glob(p); err == nil && len(m) > 0 {
				matches = m
			}
		}
		for _, m := range matches {
			info, err := os.Stat(m)
			if err != nil {
				return nil, fileError(m, err)
			}
			if !info.IsDir() {
				out = append(out, m)
				continue
			}
			in, err := folderFiles(m)
			if err != nil {
				return nil, err
			}
			out = append(out, in...)
		}
	}
	// Files named by a shell pattern come in the order of characters, in which
	// 10 is before 9.
	if !slices.ContainsFunc(out, func(f string) bool { return !versioned(filepath.Base(f)) }) {
		slices.SortStableFunc(out, func(x, y string) int {
			if filepath.Dir(x) != filepath.Dir(y) {
				return 0
			}
			return natural(filepath.Base(x), filepath.Base(y))
		})
	}
	return slices.Compact(out), nil
}

func folderFiles(dir string) ([]string, error) {
	in, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.sql"))
	if err != nil {
		return nil, fileError(dir, err)
	}
	if len(in) == 0 {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".sql") {
				in = append(in, path)
			}
			return err
		})
		if err != nil {
			return nil, fileError(dir, err)
		}
	}
	in = slices.DeleteFunc(in, func(f string) bool { return strings.HasPrefix(filepath.Base(f), ".") })
	slices.SortStableFunc(in, func(x, y string) int {
		if c := natural(filepath.Dir(x), filepath.Dir(y)); c != 0 {
			return c
		}
		return natural(filepath.Base(x), filepath.Base(y))
	})
	return in, nil
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

func fileError(file string, err error) error {
	var pe *os.PathError
	msg := err.Error()
	if errors.As(err, &pe) {
		msg = pe.Err.Error()
	}
	return &InputError{File: file, Msg: msg + " (check the path)"}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func versioned(base string) bool {
	base = strings.TrimPrefix(strings.TrimPrefix(base, "V"), "v")
	return base != "" && isDigit(base[0])
}

// natural compares names with runs of digits by their number.
func natural(x, y string) int {
	for x != "" && y != "" {
		if isDigit(x[0]) && isDigit(y[0]) {
			nx, rx := digits(x)
			ny, ry := digits(y)
			if len(nx) != len(ny) {
				return len(nx) - len(ny)
			}
			if c := strings.Compare(nx, ny); c != 0 {
				return c
			}
			x, y = rx, ry
			continue
		}
		if x[0] != y[0] {
			return int(x[0]) - int(y[0])
		}
		x, y = x[1:], y[1:]
	}
	return len(x) - len(y)
}

func digits(s string) (number, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return strings.TrimLeft(s[:i], "0"), s[i:]
}
