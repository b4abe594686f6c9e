package inspect

import "strings"

// plainText takes the comments out of the text of a function, and with strings
// also what stands in strings: words there name no table. Quoted identifiers
// stay.
func plainText(code string, stringsToo bool) string {
	var b strings.Builder
	for i := 0; i < len(code); {
		rest := code[i:]
		switch {
		case strings.HasPrefix(rest, "--"):
			i += skipTo(rest, "\n", 0)
			b.WriteByte('\n')
		case strings.HasPrefix(rest, "/*"):
			i += blockComment(rest)
			b.WriteByte(' ')
		case rest[0] == '"':
			n := skipTo(rest[1:], `"`, 0) + 1
			b.WriteString(rest[:n])
			i += n
		case rest[0] == '\'', rest[0] == '$' && dollarTag(rest) != "" && !endsWord(code[:i]):
			n := quoted(rest, i > 0 && (code[i-1] == 'E' || code[i-1] == 'e') && !endsWord(code[:i-1]))
			if stringsToo {
				b.WriteString("''")
			} else {
				b.WriteString(rest[:n])
			}
			i += n
		default:
			b.WriteByte(rest[0])
			i++
		}
	}
	return b.String()
}

// skipTo returns the index behind the next mark, or the length.
func skipTo(s, mark string, from int) int {
	if at := strings.Index(s[from:], mark); at >= 0 {
		return from + at + len(mark)
	}
	return len(s)
}

// blockComment returns the length of a comment, which may hold others.
func blockComment(s string) int {
	depth := 0
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return len(s)
}

// quoted returns the length of the string that s begins with.
func quoted(s string, escapes bool) int {
	if s[0] == '$' {
		tag := dollarTag(s)
		return skipTo(s, tag, len(tag))
	}
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == '\'':
			return i + 1
		}
	}
	return len(s)
}

// dollarTag returns the opening of a dollar-quoted string, "" for anything else.
func dollarTag(s string) string {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '$':
			return s[:i+1]
		case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 || i > 1 && c >= '0' && c <= '9':
		default:
			return ""
		}
	}
	return ""
}

// endsWord says whether a word ends at the end of s.
func endsWord(s string) bool {
	if s == "" {
		return false
	}
	c := s[len(s)-1]
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
