package doctor

import "strings"

// Remedy takes the remedy from the end of an error: errors of this module end
// with it in parentheses. Several errors in one keep theirs.
func Remedy(text string) (rest, remedy string) {
	if !strings.HasSuffix(text, ")") || strings.Contains(text, "\n") {
		return text, ""
	}
	depth := 0
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case ')':
			depth++
		case '(':
			depth--
		}
		if depth == 0 {
			before := strings.TrimRight(text[:i], " ")
			// f(x) and "(x)" alone are not an error with its remedy.
			if before == "" || before == text[:i] {
				return text, ""
			}
			return before, text[i+1 : len(text)-1]
		}
	}
	return text, ""
}
