package leaktest

import "strings"

type tokenKind uint8

const (
	tokenWord   tokenKind = iota // a name or key word, also quoted
	tokenNumber                  // 12.5
	tokenString                  // 'x', E'x', $$x$$
	tokenParam                   // $1
	tokenSymbol                  // everything else, operators whole
)

// A sqlToken is a piece of SQL text. Comments and blanks are in none.
type sqlToken struct {
	kind    tokenKind
	text    string // as written
	at, end int
}

// value is the text of a string or of a quoted name.
func (t sqlToken) value() string {
	s := t.text
	switch {
	case t.kind == tokenString && strings.HasPrefix(s, "$"):
		tag := s[:strings.IndexByte(s[1:], '$')+2]
		return strings.TrimSuffix(strings.TrimPrefix(s, tag), tag)
	case t.kind == tokenString:
		escaped := s[0] == 'E' || s[0] == 'e'
		s = s[strings.IndexByte(s, '\'')+1 : len(s)-1]
		s = strings.ReplaceAll(s, "''", "'")
		if escaped {
			s = strings.ReplaceAll(s, `\\`, `\`)
		}
		return s
	case t.kind == tokenWord && strings.HasPrefix(s, `"`):
		return strings.ReplaceAll(s[1:len(s)-1], `""`, `"`)
	case t.kind == tokenWord:
		return strings.ToLower(s)
	}
	return s
}

const operatorBytes = "+-*/<>=~!@#%^&|`?"

// scanSQL splits SQL into tokens. It accepts any text: what it does not know is
// a symbol.
func scanSQL(sql string) []sqlToken {
	var out []sqlToken
	for i := 0; i < len(sql); {
		c := sql[i]
		rest := sql[i:]
		n, kind := 1, tokenSymbol
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			i++
			continue
		case strings.HasPrefix(rest, "--"):
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
			i += n
			continue
		case strings.HasPrefix(rest, "/*"):
			i += commentLength(rest)
			continue
		case c == '\'':
			n, kind = quotedLength(rest, '\'', false), tokenString
		case (c == 'E' || c == 'e') && strings.HasPrefix(rest[1:], "'"):
			n, kind = 1+quotedLength(rest[1:], '\'', true), tokenString
		case c == '"':
			n, kind = quotedLength(rest, '"', false), tokenWord
		case c == '$':
			n, kind = dollarLength(rest)
		case isNameStart(c):
			for n < len(rest) && (isNameStart(rest[n]) || rest[n] >= '0' && rest[n] <= '9' || rest[n] == '$') {
				n++
			}
			kind = tokenWord
		case c >= '0' && c <= '9' || c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
			for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.' && !strings.HasPrefix(rest[n:], "..")) {
				n++
			}
			kind = tokenNumber
		case strings.HasPrefix(rest, "::"):
			n = 2
		case strings.IndexByte(operatorBytes, c) >= 0:
			for n < len(rest) && strings.IndexByte(operatorBytes, rest[n]) >= 0 && !strings.HasPrefix(rest[n:], "--") && !strings.HasPrefix(rest[n:], "/*") {
				n++
			}
		}
		out = append(out, sqlToken{kind, rest[:n], i, i + n})
		i += n
	}
	return out
}

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func quotedLength(s string, quote byte, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

func dollarLength(s string) (int, tokenKind) {
	n := 1
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n > 1 {
		return n, tokenParam
	}
	for n < len(s) && (isNameStart(s[n]) || n > 1 && s[n] >= '0' && s[n] <= '9') {
		n++
	}
	if n < len(s) && s[n] == '$' {
		tag := s[:n+1]
		if end := strings.Index(s[n+1:], tag); end >= 0 {
			return n + 1 + end + len(tag), tokenString
		}
	}
	return 1, tokenSymbol
}

// commentLength is the length of a comment, which may hold others.
func commentLength(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}
