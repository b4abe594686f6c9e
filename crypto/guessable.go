package crypto

import (
	_ "embed" // the list of common passwords
	"strings"
	"unicode"
	"unicode/utf8"
)

// commonPasswords is sorted by bytes, one a line; see data/README.md.
//
//go:embed data/common-passwords.txt
var commonPasswords string

// rows are what hands type without thinking. A password that is a piece of one,
// forwards or backwards and starting again at its end, is refused.
var rows = []string{
	"0123456789",
	"1234567890",
	"abcdefghijklmnopqrstuvwxyz",
	"qwertyuiopasdfghjklzxcvbnm",
	"qwertzuiopasdfghjklyxcvbnm",
	"azertyuiopqsdfghjklmwxcvbn",
	"1234567890qwertyuiopasdfghjklzxcvbnm",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
	"q1w2e3r4t5y6u7i8o9p0",
	"йцукенгшщзхъфывапролджэячсмитьбю",
}

// checkGuessable compares the whole password with what is tried first. Parts of
// it do not count: "correct horse battery" may contain a common word.
func checkGuessable(pw string, words []string) error {
	folded := strings.ToLower(pw)
	bare := strings.TrimFunc(folded, unicode.IsDigit)
	switch {
	case repeats(folded):
		return &PolicyError{RulePattern, "it is one piece repeated"}
	case inRow(folded):
		return &PolicyError{RulePattern, "it is a sequence of letters or digits, or a row of the keyboard"}
	case isWord(folded, bare, words):
		return &PolicyError{RuleContext, "it is the name of the service, the company or the user, or one with digits around it"}
	case common(folded):
		return &PolicyError{RuleCommon, "it is among the most common passwords"}
	case common(bare) && counted(folded, bare):
		return &PolicyError{RuleCommon, "it is one of the most common passwords with counted or repeated digits around it"}
	}
	return nil
}

// repeats reports whether s is a piece repeated at least twice, the last time
// perhaps cut short.
func repeats(s string) bool {
	r := []rune(s)
	for piece := 1; piece*2 <= len(r); piece++ {
		if string(r[piece:]) == string(r[:len(r)-piece]) {
			return true
		}
	}
	return false
}

// inRow reports whether s runs along one of the rows.
func inRow(s string) bool {
	n := utf8.RuneCountInString(s)
	if n < 3 { // two neighbours are no sequence
		return false
	}
	back := reverse(s)
	for _, row := range rows {
		long := strings.Repeat(row, 2+n/utf8.RuneCountInString(row))
		if strings.Contains(long, s) || strings.Contains(long, back) {
			return true
		}
	}
	return false
}

func reverse(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

// isWord reports whether the password, or what is left of it without digits at
// its ends, is one of the words.
func isWord(folded, bare string, words []string) bool {
	for _, word := range words {
		for _, w := range spellings(strings.ToLower(strings.TrimSpace(word))) {
			if w != "" && (w == folded || w == bare) {
				return true
			}
		}
	}
	return false
}

// spellings returns a word as it may be typed: without its spaces, and an
// e-mail address also by its parts.
func spellings(word string) []string {
	all := []string{word, strings.ReplaceAll(word, " ", "")}
	if local, domain, ok := strings.Cut(word, "@"); ok {
		name, _, _ := strings.Cut(domain, ".")
		all = append(all, local, domain, name)
	}
	return all
}

// counted reports whether the digits that were taken off both ends of folded
// are of the kind that adds nothing: a sequence, one digit repeated, or a year.
func counted(folded, bare string) bool {
	before, after, ok := strings.Cut(folded, bare)
	if !ok || bare == "" {
		return false
	}
	for _, digits := range []string{before, after} {
		year := len(digits) == 4 && (strings.HasPrefix(digits, "19") || strings.HasPrefix(digits, "20"))
		if len(digits) > 2 && !year && !inRow(digits) && !repeats(digits) {
			return false
		}
	}
	return true
}

// common looks a password up in the embedded list.
func common(s string) bool {
	list := commonPasswords
	for list != "" {
		// The line that holds the middle byte.
		start := strings.LastIndexByte(list[:len(list)/2], '\n') + 1
		end := start + strings.IndexByte(list[start:], '\n')
		switch line := list[start:end]; {
		case line == s:
			return true
		case line < s:
			list = list[end+1:]
		default:
			list = list[:start]
		}
	}
	return false
}
