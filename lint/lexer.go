package lint

import "strings"

// A small lexer for what must be known before there is a tree: where statements
// end, which comments belong to them, and where sqlc's @name parameters stand.

type lexKind uint8

const (
	lexCode    lexKind = iota // one character of code
	lexWord                   // identifier or keyword
	lexString                 // literal or quoted identifier
	lexComment                // -- or /* */
	lexSpace
)

type lexeme struct {
	kind       lexKind
	start, end int
	open       bool // a string or comment without its end
}

// lex calls f for each lexeme; f returns false to stop.
func lex(s string, f func(lexeme) bool) {
	for i := 0; i < len(s); {
		l := nextLexeme(s, i)
		if !f(l) {
			return
		}
		i = l.end
	}
}

func nextLexeme(s string, i int) lexeme {
	c := s[i]
	rest := s[i:]
	switch {
	case isSpace(c):
		j := i
		for j < len(s) && isSpace(s[j]) {
			j++
		}
		return lexeme{kind: lexSpace, start: i, end: j}
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexByte(rest, '\n'); n >= 0 {
			return lexeme{kind: lexComment, start: i, end: i + n}
		}
		return lexeme{kind: lexComment, start: i, end: len(s)}
	case strings.HasPrefix(rest, "/*"):
		return blockComment(s, i)
	case c == '\'':
		return quoted(s, i, i, '\'', false)
	case c == '"':
		return quoted(s, i, i, '"', false)
	case (c == 'e' || c == 'E') && len(rest) > 1 && rest[1] == '\'':
		return quoted(s, i, i+1, '\'', true)
	case c == '$':
		if l, ok := dollarQuoted(s, i); ok {
			return l
		}
	case isWordStart(c):
		j := i + 1
		for j < len(s) && isWordPart(s[j]) {
			j++
		}
		return lexeme{kind: lexWord, start: i, end: j}
	}
	return lexeme{kind: lexCode, start: i, end: i + 1}
}

func blockComment(s string, i int) lexeme {
	depth := 0
	for j := i; j < len(s); {
		switch {
		case strings.HasPrefix(s[j:], "/*"):
			depth++
			j += 2
		case strings.HasPrefix(s[j:], "*/"):
			depth--
			j += 2
			if depth == 0 {
				return lexeme{kind: lexComment, start: i, end: j}
			}
		default:
			j++
		}
	}
	return lexeme{kind: lexComment, start: i, end: len(s), open: true}
}

func quoted(s string, start, open int, quote byte, backslash bool) lexeme {
	for j := open + 1; j < len(s); j++ {
		switch {
		case backslash && s[j] == '\\':
			j++
		case s[j] == quote && j+1 < len(s) && s[j+1] == quote:
			j++
		case s[j] == quote:
			return lexeme{kind: lexString, start: start, end: j + 1}
		}
	}
	return lexeme{kind: lexString, start: start, end: len(s), open: true}
}

func dollarQuoted(s string, i int) (lexeme, bool) {
	j := i + 1
	for j < len(s) && (isWordStart(s[j]) || j > i+1 && s[j] >= '0' && s[j] <= '9') {
		j++
	}
	if j >= len(s) || s[j] != '$' {
		return lexeme{}, false
	}
	tag := s[i : j+1]
	if n := strings.Index(s[j+1:], tag); n >= 0 {
		return lexeme{kind: lexString, start: i, end: j + 1 + n + len(tag)}, true
	}
	return lexeme{kind: lexString, start: i, end: len(s), open: true}, true
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}

func isWordStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func isWordPart(c byte) bool {
	return isWordStart(c) || c >= '0' && c <= '9' || c == '$'
}

func isOperator(c byte) bool { return strings.IndexByte("+-*/<>=~!@#%^&|`?", c) >= 0 }

// identifier is a word of a function body, and whether a parenthesis follows.
type identifier struct {
	text string
	call bool
}

// identifiers returns the words of a piece of SQL outside of strings and
// comments.
func identifiers(s string) []identifier {
	var out []identifier
	lex(s, func(l lexeme) bool {
		switch {
		case l.kind == lexWord:
			out = append(out, identifier{text: strings.ToLower(s[l.start:l.end])})
		case l.kind == lexString && s[l.start] == '"':
			out = append(out, identifier{text: strings.Trim(s[l.start:l.end], `"`)})
		case l.kind == lexCode && s[l.start] == '(' && len(out) > 0:
			if strings.TrimSpace(s[:l.start]) != "" && isWordPart(lastByte(strings.TrimSpace(s[:l.start]))) {
				out[len(out)-1].call = true
			}
		}
		return true
	})
	return out
}

func lastByte(s string) byte { return s[len(s)-1] }

// piece is one statement of a file with the comments before it.
type piece struct {
	start, end int // without the semicolon
	code       int // where the statement itself begins; end when there is none
	comments   []comment
}

type comment struct {
	at   int
	text string // without the marks
}

// splitStatements cuts a file at its semicolons, and before each "-- name:"
// comment, so that a missing semicolon does not join two queries.
func splitStatements(s string) []piece {
	var out []piece
	cur := piece{code: -1}
	depth := 0
	flush := func(end, next int) {
		if cur.code >= 0 || len(cur.comments) > 0 {
			cur.end = end
			if cur.code < 0 {
				cur.code = end
			}
			out = append(out, cur)
		}
		cur = piece{start: next, code: -1}
		depth = 0
	}
	lex(s, func(l lexeme) bool {
		switch {
		case l.kind == lexSpace:
		case l.kind == lexComment:
			text := commentText(s[l.start:l.end])
			if _, _, ok := nameComment(text); ok && (cur.code >= 0 || cur.named()) {
				flush(l.start, l.start)
			}
			cur.comments = append(cur.comments, comment{l.start, text})
		case l.kind == lexCode && s[l.start] == ';' && depth == 0:
			flush(l.start, l.end)
		default:
			switch s[l.start] {
			case '(':
				depth++
			case ')':
				depth--
			}
			if cur.code < 0 {
				cur.code = l.start
			}
		}
		return true
	})
	flush(len(s), len(s))
	return out
}

func (p *piece) named() bool {
	for _, c := range p.comments {
		if _, _, ok := nameComment(c.text); ok {
			return true
		}
	}
	return false
}

func commentText(s string) string {
	if t, ok := strings.CutPrefix(s, "/*"); ok {
		return strings.TrimSpace(strings.TrimSuffix(t, "*/"))
	}
	return strings.TrimSpace(strings.TrimPrefix(s, "--"))
}

// nameComment parses "name: GetBooking :one".
func nameComment(text string) (name, cmd string, ok bool) {
	rest, ok := strings.CutPrefix(text, "name:")
	if !ok {
		return "", "", false
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 || len(fields) > 1 && !strings.HasPrefix(fields[1], ":") {
		return "", "", false
	}
	if len(fields) > 1 {
		cmd = fields[1]
	}
	return fields[0], cmd, true
}
