package lint

import "strings"

// edit is a change of a query file: pieces of text put in at byte offsets,
// which are in ascending order.
type edit []insertText

type insertText struct {
	at   int
	text string
}

// apply returns the text with the pieces put in.
func (e edit) apply(src string) string {
	var b strings.Builder
	last := 0
	for _, p := range e {
		b.WriteString(src[last:p.at])
		b.WriteString(p.text)
		last = p.at
	}
	b.WriteString(src[last:])
	return b.String()
}

// clauseEnds are the words that end a WHERE or ON condition.
var clauseEnds = wordSet("group order having limit offset fetch for window union intersect except returning when")

// joinWords end an ON condition, too.
var joinWords = wordSet("join left right full inner cross natural where on using set")

// addCondition finds where the clause of a finding goes, reading on from the
// table's name: into the WHERE of its query, or into the ON of its join when
// the table is on the side that an outer join may leave out. Nil when the text
// is not plain enough; [Fix] checks every edit that is made.
func addCondition(src string, p problem) edit {
	start := afterWord(src, p.occ.at)
	if p.occ.nullable {
		on, ok := findWord(src, start, wordSet("on"), wordSet("where using"))
		if !ok {
			return nil
		}
		return intoCondition(src, on, p.clause, true)
	}
	where, ok := findWord(src, start, wordSet("where"), nil)
	if ok {
		return intoCondition(src, where, p.clause, false)
	}
	if p.occ.write == "merge" {
		return nil
	}
	end := conditionEnd(src, start, clauseEnds)
	return edit{{end, " WHERE " + p.clause}}
}

func afterWord(src string, at int) int {
	if at >= len(src) {
		return len(src)
	}
	return nextLexeme(src, at).end
}

// findWord returns the end of the first of the words at the level of start,
// unless one of the stops or the end of the query comes first.
func findWord(src string, start int, want, stops map[string]bool) (int, bool) {
	depth := 0
	for i := start; i < len(src); {
		l := nextLexeme(src, i)
		i = l.end
		switch {
		case l.kind == lexCode && src[l.start] == '(':
			depth++
		case l.kind == lexCode && src[l.start] == ')':
			if depth--; depth < 0 {
				return 0, false
			}
		case l.kind == lexCode && src[l.start] == ';' && depth == 0:
			return 0, false
		case l.kind == lexWord && depth == 0:
			w := strings.ToLower(src[l.start:l.end])
			switch {
			case want[w]:
				return l.end, true
			case stops[w] || clauseEnds[w]:
				return 0, false
			}
		}
	}
	return 0, false
}

// conditionEnd returns the offset after the last code before the condition or
// query that begins at start ends.
func conditionEnd(src string, start int, ends map[string]bool) int {
	depth, last := 0, start
	for i := start; i < len(src); {
		l := nextLexeme(src, i)
		i = l.end
		switch {
		case l.kind == lexSpace || l.kind == lexComment:
			continue
		case l.kind == lexCode && src[l.start] == '(':
			depth++
		case l.kind == lexCode && src[l.start] == ')':
			if depth--; depth < 0 {
				return last
			}
		case l.kind == lexCode && src[l.start] == ';' && depth == 0:
			return last
		case l.kind == lexWord && depth == 0 && ends[strings.ToLower(src[l.start:l.end])]:
			return last
		}
		last = l.end
	}
	return last
}

// intoCondition puts the clause before the condition that begins at start, with
// parentheses around the old one if it has an OR of its own.
func intoCondition(src string, start int, clause string, join bool) edit {
	ends := clauseEnds
	if join {
		ends = map[string]bool{}
		for _, set := range []map[string]bool{clauseEnds, joinWords} {
			for w := range set {
				ends[w] = true
			}
		}
	}
	end := conditionEnd(src, start, ends)
	if !hasOr(src[start:end]) {
		return edit{{start, " " + clause + " AND"}}
	}
	first := skipBlank(src, start)
	return edit{{first, clause + " AND ("}, {end, ")"}}
}

func hasOr(s string) bool {
	depth, found := 0, false
	lex(s, func(l lexeme) bool {
		switch {
		case l.kind == lexCode && s[l.start] == '(':
			depth++
		case l.kind == lexCode && s[l.start] == ')':
			depth--
		case l.kind == lexWord && depth == 0:
			found = found || strings.EqualFold(s[l.start:l.end], "or")
		}
		return true
	})
	return found
}

// Fix makes the changes that findings suggest and that are safe: after each,
// the file is checked again, and a change that does not remove its finding, or
// adds another, is taken back. It returns the files that changed.
//
// A condition on a parameter that a query does not have yet gives the query a
// new parameter, and its callers stop compiling until they pass the tenant.
func Fix(s *Schema, files []File, opts Options) (changed []File, fixes int, err error) {
	for _, f := range files {
		text, n := fixFile(s, f, opts)
		if n > 0 {
			changed = append(changed, File{f.Name, text})
			fixes += n
		}
	}
	return changed, fixes, nil
}

func fixFile(s *Schema, f File, opts Options) (string, int) {
	tried := map[string]bool{}
	fixes := 0
	found := checkOne(s, f, opts)
	for {
		next := -1
		for i, g := range found {
			if g.edit != nil && !tried[g.identity()] {
				next = i
				break
			}
		}
		if next < 0 {
			return f.SQL, fixes
		}
		tried[found[next].identity()] = true
		text := found[next].edit.apply(f.SQL)
		if after := checkOne(s, File{f.Name, text}, opts); len(after) < len(found) {
			f.SQL, found = text, after
			fixes++
		}
	}
}

// identity survives the shift of lines by an edit.
func (f Finding) identity() string {
	return f.Query + "\x00" + f.Rule + "\x00" + f.Table + "\x00" + f.Object + "\x00" + f.Message
}

func checkOne(s *Schema, f File, opts Options) []Finding {
	r, err := Check(s, []File{f}, opts)
	if err != nil {
		return nil
	}
	return r.Findings
}
