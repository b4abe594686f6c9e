package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteJSON writes the report as the JSON object that the command promises.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// WriteText writes the report for people: each finding with the line it is
// about and a caret, then one line of counts.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.header())
		b.WriteString(excerpt(r.sources[f.File], f.Line, f.Column))
		if f.Fix != "" {
			fmt.Fprintf(&b, "    fix: %s\n", f.Fix)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s, %d proved, %d waived, %s\n", count(r.Queries, "query", "queries"), r.Proved, r.Waived, count(len(r.Findings), "finding", "findings"))
	_, err := io.WriteString(w, b.String())
	return err
}

func (f Finding) header() string {
	name := ""
	if f.Query != "" {
		name = f.Query + ": "
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s%s [%s]\n", f.File, f.Line, f.Column, f.Severity, name, f.Message, f.Rule)
}

// excerpt shows the line of a finding with a caret under its column.
func excerpt(src string, line, col int) string {
	if src == "" || line <= 0 {
		return ""
	}
	n := 0
	for text := range strings.Lines(src) {
		if n++; n < line {
			continue
		}
		text = strings.TrimRight(text, "\r\n")
		var pad strings.Builder
		for i, c := range []rune(text) {
			if i >= col-1 {
				break
			}
			if c == '\t' {
				pad.WriteRune('\t')
			} else {
				pad.WriteRune(' ')
			}
		}
		return "    " + text + "\n    " + pad.String() + "^\n"
	}
	return ""
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return itoa(n) + " " + many
}
