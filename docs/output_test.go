package docs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// compare returns how the output differs from what the page shows. A … stands
// for anything within a line, a line of … for any lines.
func compare(want, got string) error {
	if matchLines(lines(want), lines(got)) {
		return nil
	}
	return fmt.Errorf("the page shows\n%s\nand what came is\n%s", want, got)
}

func lines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		list = append(list, strings.TrimRight(line, " \t\r\n"))
	}
	return list
}

func matchLines(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "…" {
		for i := range len(got) + 1 {
			if matchLines(want[1:], got[i:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && matchLine(want[0], got[0]) && matchLines(want[1:], got[1:])
}

func matchLine(want, got string) bool {
	parts := strings.Split(want, "…")
	rest, ok := strings.CutPrefix(got, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

func TestOutputIsCompared(t *testing.T) {
	t.Parallel()
	same := [][2]string{{"a\n", "a \n"}, {"a…c", "abc\n"}, {"…\nz", "a\nb\nz"}, {"a\n…", "a"}, {"a … b … c", "a 1 b 2 c"}}
	for _, pair := range same {
		require.NoError(t, compare(pair[0], pair[1]))
	}
	other := [][2]string{{"a", "b"}, {"a", "a\nb"}, {"a\nb", "a"}, {"a…c", "abd"}, {"", "a"}, {"…b…", "a"}, {"aa…aa", "aaa"}}
	for _, pair := range other {
		require.Error(t, compare(pair[0], pair[1]), pair)
	}
}
