package leaktest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Query is one statement of the application, as sqlc reads it.
type Query struct {
	Name string
	File string
	Line int
	SQL  string // with $1, $2 …

	// Tenant is the number of the parameter that is the tenant. 0 finds it by
	// its name, and by what it is compared with.
	Tenant int

	// Waived is the reason why the query may cross tenants, empty if it may not.
	Waived string

	names []string // of the parameters, where they have some
}

var (
	queryName = regexp.MustCompile(`^--\s*name:\s*(\w+)\s+:(\w+)`)
	waiver    = regexp.MustCompile(`(?m)^\s*--\s*watertight:cross-tenant\s+(\S.*)$`)
)

// ReadQueries reads the query files of sqlc: .sql files, and all in folders.
// No query at all is an error: nothing would be proved.
func ReadQueries(paths []string) ([]Query, error) {
	var out []Query
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(name) != ".sql" {
				return err
			}
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			out = append(out, ParseQueries(name, string(content))...)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read queries: %w", err)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no query was found in %s (pass the files that sqlc reads)", strings.Join(paths, ", "))
	}
	return out, nil
}

// ParseQueries reads the queries of one file.
func ParseQueries(name, content string) []Query {
	var out []Query
	line := 0
	for text := range strings.Lines(content) {
		line++
		if m := queryName.FindStringSubmatch(text); m != nil {
			out = append(out, Query{Name: m[1], File: name, Line: line})
			continue
		}
		if len(out) > 0 {
			out[len(out)-1].SQL += text
		}
	}
	for i := range out {
		q := &out[i]
		if m := waiver.FindStringSubmatch(q.SQL); m != nil {
			q.Waived = strings.TrimSpace(m[1])
		}
		q.number()
	}
	return out
}

// number replaces the ways in which sqlc names parameters by numbers.
func (q *Query) number() {
	tokens := scanSQL(q.SQL)
	most := 0
	for _, t := range tokens {
		if t.kind == tokenParam {
			n, _ := strconv.Atoi(t.text[1:])
			most = max(most, n)
		}
	}
	q.names = make([]string, most)
	var b strings.Builder
	last := 0
	for i := 0; i < len(tokens); i++ {
		name, end, replace := named(tokens, i)
		if end == 0 {
			continue
		}
		b.WriteString(q.SQL[last:tokens[i].at])
		if replace != "" {
			b.WriteString(replace)
		} else {
			n := slices.Index(q.names, name) + 1
			if n == 0 {
				q.names = append(q.names, name)
				n = len(q.names)
			}
			fmt.Fprintf(&b, "$%d", n)
		}
		last = tokens[end].end
		i = end
	}
	q.SQL = strings.TrimRight(strings.TrimSpace(b.String()+q.SQL[last:]), "; \n\t")
}

// named recognises @name, sqlc.arg(name), sqlc.narg(name), sqlc.slice(name) and
// sqlc.embed(table) at a token.
func named(tokens []sqlToken, i int) (name string, end int, replace string) {
	at := func(k int) string {
		if i+k < len(tokens) {
			return tokens[i+k].text
		}
		return ""
	}
	if at(0) == "@" && i+1 < len(tokens) && tokens[i+1].kind == tokenWord && tokens[i+1].at == tokens[i].end {
		return tokens[i+1].value(), i + 1, ""
	}
	if !strings.EqualFold(at(0), "sqlc") || at(1) != "." || at(3) != "(" || at(5) != ")" {
		return "", 0, ""
	}
	name = tokens[i+4].value()
	if strings.EqualFold(at(2), "embed") {
		return name, i + 5, at(4) + ".*"
	}
	return name, i + 5, ""
}

// bind writes values in the place of the parameters.
func (q Query) bind(values []string) string {
	var b strings.Builder
	last := 0
	for _, t := range scanSQL(q.SQL) {
		if t.kind != tokenParam {
			continue
		}
		n, _ := strconv.Atoi(t.text[1:])
		if n >= 1 && n <= len(values) {
			b.WriteString(q.SQL[last:t.at] + values[n-1])
			last = t.end
		}
	}
	return b.String() + q.SQL[last:]
}

// A use says what a parameter is compared with or written to.
type use struct {
	column string
	insert bool
}

// uses finds the column of each parameter.
func (q Query) uses() map[int]use {
	out := map[int]use{}
	tokens := scanSQL(q.SQL)
	word := func(i int) string {
		if i >= 0 && i < len(tokens) && tokens[i].kind == tokenWord {
			return tokens[i].value()
		}
		return ""
	}
	for i, t := range tokens {
		if t.kind != tokenParam {
			continue
		}
		n, _ := strconv.Atoi(t.text[1:])
		if _, ok := out[n]; ok {
			continue
		}
		if i >= 2 && isComparison(tokens[i-1].text) && word(i-2) != "" {
			out[n] = use{column: word(i - 2)}
		} else if i >= 4 && tokens[i-1].text == "(" && (word(i-2) == "any" || word(i-2) == "lower") && word(i-4) != "" {
			out[n] = use{column: word(i - 4)}
		} else if i+2 < len(tokens) && isComparison(tokens[i+1].text) {
			k := i + 2
			if k+2 < len(tokens) && tokens[k+1].text == "." {
				k += 2
			}
			if c := word(k); c != "" {
				out[n] = use{column: c}
			}
		}
	}
	q.inserted(tokens, out)
	return out
}

func isComparison(s string) bool {
	switch s {
	case "=", "<", ">", "<=", ">=", "<>", "!=", "~~", "~", "@>", "<@", "&&":
		return true
	}
	return false
}

// inserted pairs the columns of INSERT with the expressions of VALUES.
func (q Query) inserted(tokens []sqlToken, out map[int]use) {
	for i, t := range tokens {
		if t.kind != tokenWord || t.value() != "into" {
			continue
		}
		open := i + 1
		for open < len(tokens) && tokens[open].text != "(" {
			open++
		}
		columns, end := list(tokens, open)
		for end+1 < len(tokens) && tokens[end+1].text != "(" && !strings.EqualFold(tokens[end].text, "values") {
			end++
			if strings.EqualFold(tokens[end].text, "select") {
				return
			}
		}
		values, _ := list(tokens, end+1)
		for k, v := range values {
			if k < len(columns) && len(columns[k]) == 1 {
				for _, tok := range v {
					if tok.kind == tokenParam {
						n, _ := strconv.Atoi(tok.text[1:])
						out[n] = use{column: columns[k][0].value(), insert: true}
					}
				}
			}
		}
		return
	}
}

// list splits what stands in parentheses at its commas.
func list(tokens []sqlToken, open int) (items [][]sqlToken, end int) {
	if open >= len(tokens) || tokens[open].text != "(" {
		return nil, open
	}
	depth := 0
	items = [][]sqlToken{{}}
	for i := open; i < len(tokens); i++ {
		switch s := tokens[i].text; {
		case s == "(":
			if depth++; depth == 1 {
				continue
			}
		case s == ")":
			if depth--; depth == 0 {
				return items, i
			}
		case s == "," && depth == 1:
			items = append(items, nil)
			continue
		}
		items[len(items)-1] = append(items[len(items)-1], tokens[i])
	}
	return items, len(tokens)
}

// tenantParameter returns the number of the tenant parameter, 0 if none is found.
func (q Query) tenantParameter(columns []string) int {
	if q.Tenant > 0 {
		return q.Tenant
	}
	for i, name := range q.names {
		if slices.Contains(columns, name) {
			return i + 1
		}
	}
	least := 0
	for n, u := range q.uses() {
		if slices.Contains(columns, u.column) && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

// strip takes the comparisons of tenant columns out of a query, whose
// parameters are bound: then nothing but the database keeps tenants apart. It
// returns false if there was nothing to take out.
func strip(sql string, columns []string) (string, bool) {
	tokens := scanSQL(sql)
	isColumn := func(i int) bool {
		return i >= 0 && i < len(tokens) && tokens[i].kind == tokenWord && slices.Contains(columns, tokens[i].value())
	}
	var b strings.Builder
	last, found := 0, false
	for i, t := range tokens {
		if t.text != "=" || t.at < last {
			continue
		}
		left, right := i-1, i+1
		if !isColumn(left) && !isColumn(operandColumn(tokens, right)) {
			continue
		}
		from, to := operandStart(tokens, left), operandEnd(tokens, right)
		if from < 0 || to >= len(tokens) || assigns(tokens, from) || tokens[from].at < last {
			continue
		}
		b.WriteString(sql[last:tokens[from].at] + "true")
		last, found = tokens[to].end, true
	}
	return b.String() + sql[last:], found
}

// operandColumn is where the column's name stands in an operand that begins at i.
func operandColumn(tokens []sqlToken, i int) int {
	for i+2 < len(tokens) && tokens[i+1].text == "." {
		i += 2
	}
	return i
}

// operandStart goes back over a qualified name, or over a literal with a cast.
func operandStart(tokens []sqlToken, i int) int {
	for i >= 2 && (tokens[i-1].text == "." || tokens[i-1].text == "::") {
		i -= 2
	}
	if i >= 0 && tokens[i].text == ")" {
		return -1
	}
	return i
}

// operandEnd goes on over a qualified name, a cast, or a CAST(…).
func operandEnd(tokens []sqlToken, i int) int {
	if i+1 < len(tokens) && tokens[i+1].text == "(" {
		_, end := list(tokens, i+1)
		return end
	}
	for i+2 < len(tokens) && (tokens[i+1].text == "." || tokens[i+1].text == "::") {
		i += 2
	}
	return i
}

// assigns says whether the comparison is an assignment of UPDATE SET.
func assigns(tokens []sqlToken, from int) bool {
	depth := 0
	for i := from - 1; i >= 0; i-- {
		switch strings.ToLower(tokens[i].text) {
		case ")":
			depth++
		case "(":
			depth--
		case "set":
			if depth == 0 {
				return true
			}
		case "where", "on", "and", "or", "having", "select", "when":
			if depth <= 0 {
				return false
			}
		}
	}
	return false
}
