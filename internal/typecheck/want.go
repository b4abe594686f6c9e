package typecheck

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strconv"
	"strings"
)

// want is one expected error.
type want struct {
	pos     token.Position // of the comment; the error is on the same line
	pattern *regexp.Regexp
}

// wantsOf collects the want comments of a file.
func wantsOf(fset *token.FileSet, file *ast.File) ([]want, error) {
	var wants []want
	for _, group := range file.Comments {
		for _, comment := range group.List {
			text, ok := strings.CutPrefix(comment.Text, "// want ")
			if !ok {
				continue
			}
			patterns, err := patternsOf(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", fset.Position(comment.Pos()), err)
			}
			for _, p := range patterns {
				wants = append(wants, want{pos: fset.Position(comment.Pos()), pattern: p})
			}
		}
	}
	return wants, nil
}

// patternsOf reads the Go string literals of a want comment.
func patternsOf(text string) ([]*regexp.Regexp, error) {
	var patterns []*regexp.Regexp
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		lit, err := strconv.QuotedPrefix(text)
		if err != nil {
			return nil, fmt.Errorf("want comment %q is not a list of Go strings", text)
		}
		text = text[len(lit):]
		s, err := strconv.Unquote(lit)
		if err != nil {
			return nil, fmt.Errorf("want comment: %s: %w", lit, err)
		}
		if s == "" {
			return nil, errors.New("want comment: the empty pattern matches every error")
		}
		re, err := regexp.Compile(s)
		if err != nil {
			return nil, fmt.Errorf("want comment: %w", err)
		}
		patterns = append(patterns, re)
	}
	if len(patterns) == 0 {
		return nil, errors.New("want comment without a pattern")
	}
	return patterns, nil
}

// match pairs each error with one want on its line and returns what is left
// over on either side.
func match(found []error, wants []want) error {
	used := make([]bool, len(wants))
	var left []error
	for _, err := range found {
		if !take(err, wants, used) {
			left = append(left, fmt.Errorf("unexpected error: %w", err))
		}
	}
	for i, w := range wants {
		if !used[i] {
			left = append(left, fmt.Errorf("%s: no error matches %q: the mistake compiles, or says something else", w.pos, w.pattern))
		}
	}
	return errors.Join(left...)
}

// take marks the first unused want that the error satisfies.
func take(err error, wants []want, used []bool) bool {
	var typeErr types.Error
	if !errors.As(err, &typeErr) {
		return false
	}
	pos := typeErr.Fset.Position(typeErr.Pos)
	for i, w := range wants {
		if !used[i] && w.pos.Line == pos.Line && w.pos.Filename == pos.Filename && w.pattern.MatchString(typeErr.Msg) {
			used[i] = true
			return true
		}
	}
	return false
}
