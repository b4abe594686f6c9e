package leaktest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A value is what a column gets: a text, or NULL.
type value struct {
	text string
	null bool
}

func text(s string) value { return value{text: s} }

// null is the absent value.
var null = value{null: true}

func (v value) sql() string {
	if v.null {
		return "null"
	}
	return quoteText(v.text)
}

// candidates returns values that a column may get, the natural ones first, then
// those that the constants in the checks suggest.
func (m maker) candidates(t *table, col *catalog.Column, group []check) []value {
	var out []value
	add := func(texts ...string) {
		for _, s := range texts {
			if v := text(s); !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	if s, ok := constantDefault(col); ok {
		add(s)
	}
	for step := range 4 {
		next := m
		next.n += step
		if s, ok := next.base(col.TypeOID, col.Type, col.Name); ok {
			add(s)
		}
	}
	typ := m.w.types[col.BaseOID]
	if typ == nil {
		return append(out, null)
	}
	literals, patterns := constants(group)
	switch {
	case typ.Kind == "e":
		add(typ.Labels...)
	case typ.Element != 0:
		m.arrays(typ, literals, add)
	case typ.Kind == "b":
		m.scalars(typ, col, literals, patterns, add)
	}
	out = slices.DeleteFunc(out, func(v value) bool { return !fits(typ, m.w.baseType(col), v.text) })
	if !col.NotNull {
		// Second, so that it stays when lists are cut.
		out = slices.Insert(out, min(1, len(out)), null)
	}
	return out
}

// constantDefault returns the default of a column that is a plain constant.
func constantDefault(col *catalog.Column) (string, bool) {
	tokens := scanSQL(col.Default)
	if len(tokens) == 0 || len(tokens) > 1 && tokens[1].text != "::" {
		return "", false
	}
	switch tokens[0].kind {
	case tokenString, tokenNumber:
		return tokens[0].value(), true
	case tokenWord:
		return tokens[0].value(), strings.EqualFold(col.Default, "true") || strings.EqualFold(col.Default, "false")
	}
	return "", false
}

// fits says whether a value keeps within the length or precision of a type: a
// cast would cut it, or fail.
func fits(typ *catalog.Type, typeName, s string) bool {
	limit, scale, limited := modifiers(typeName)
	switch {
	case !limited:
		return true
	case isText(typ):
		return len(s) <= limit
	case typ.TypeName == "numeric":
		whole, _, _ := strings.Cut(strings.TrimLeft(s, "-"), ".")
		return len(strings.TrimLeft(whole, "0")) <= limit-scale
	}
	return true
}

// constants returns the constants in checks, and those of them that are
// patterns: what stands right of ~ or LIKE.
func constants(group []check) (literals, patterns []string) {
	for _, c := range group {
		operator := ""
		for _, tok := range scanSQL(c.sql) {
			switch tok.kind {
			case tokenString:
				if v := tok.value(); strings.Contains(operator, "~") {
					patterns = append(patterns, operator+" "+v)
				} else {
					literals = append(literals, v)
				}
			case tokenNumber:
				literals = append(literals, tok.text)
			case tokenSymbol:
				if tok.text != "(" && tok.text != "-" {
					operator = tok.text
				}
			case tokenWord:
				if !strings.EqualFold(tok.text, "any") && !strings.EqualFold(tok.text, "array") {
					operator = ""
				}
			}
		}
	}
	return literals, patterns
}

func (m maker) arrays(typ *catalog.Type, literals []string, add func(...string)) {
	elem := m.w.types[typ.Element]
	if elem == nil {
		return
	}
	var elements []string
	for step := range 3 {
		next := m
		next.n += step
		if v, ok := next.base(typ.Element, elem.Name, ""); ok {
			elements = append(elements, v)
		}
	}
	switch {
	case isText(elem):
		elements = append(elements, literals...)
	case strings.HasPrefix(elem.TypeName, "int"):
		for _, l := range literals {
			if _, err := strconv.ParseInt(l, 10, 32); err == nil {
				elements = append(elements, l)
				add(arrayLiteral(l))
			}
		}
	}
	add("{}")
	for _, e := range elements {
		add(arrayLiteral(e))
	}
	for n := 2; n <= min(len(elements), 5); n++ {
		add(arrayLiteral(elements[:n]...))
	}
}

func isText(t *catalog.Type) bool {
	switch t.TypeName {
	case "text", "varchar", "bpchar", "citext", "name":
		return true
	}
	return false
}

func (m maker) scalars(typ *catalog.Type, col *catalog.Column, literals, patterns []string, add func(...string)) {
	switch typ.TypeName {
	case "text", "varchar", "bpchar", "citext", "name":
		m.textCandidates(col, literals, patterns, add)
	case "int2", "int4", "int8", "numeric", "float4", "float8", "money":
		m.numbers(typ, literals, add)
	case "bool":
		add("true", "false")
	case "date", "timestamp", "timestamptz":
		m.times(literals, add)
	case "time", "timetz":
		add("00:00:00", "08:00:00", "09:00:00", "12:00:00", "17:00:00", "23:59:59")
	case "interval":
		add("0", "1 minute", "15 minutes", "30 minutes", "1 hour", "1 day", "7 days", "30 days")
		addValid(literals, looksLikeInterval, add)
	case "json", "jsonb":
		m.documents(literals, add)
	case "uuid", "inet", "cidr", "macaddr":
		addValid(literals, func(s string) bool {
			return len(s) > 6 && strings.ContainsAny(s, ".:-") && !strings.ContainsAny(s, " {$")
		}, add)
	case "bytea":
		for _, size := range sizes(literals) {
			add(`\x` + strings.Repeat("ab", size))
		}
	case "xml":
		add("<a/>")
	}
}

func addValid(list []string, valid func(string) bool, add func(...string)) {
	for _, s := range list {
		if valid(s) {
			add(s)
		}
	}
}

func looksLikeInterval(s string) bool {
	_, err := strconv.ParseFloat(strings.Fields(s + " x")[0], 64)
	return err == nil && strings.Contains(s, " ") || strings.Count(s, ":") == 2
}

// textCandidates are texts of the lengths, patterns and lists in the checks.
func (m maker) textCandidates(col *catalog.Column, literals, patterns []string, add func(...string)) {
	id := m.label + strconv.Itoa(m.n)
	for _, p := range patterns {
		op, pattern, _ := strings.Cut(p, " ")
		for step := range 6 {
			var s string
			ok := true
			if strings.Contains(op, "~~") {
				s = strings.NewReplacer(`\%`, "%", `\_`, "_", "%", id, "_", "x").Replace(pattern)
			} else {
				s, ok = matching(pattern, m.n*7+step)
			}
			if ok {
				add(s)
			}
		}
	}
	for _, l := range literals {
		add(l)
	}
	for _, size := range sizes(literals) {
		add(pad(id, size))
	}
	digits := fmt.Sprintf("%012d", m.n)
	add(id, strings.ToUpper(id), "a"+id+"z", digits, digits[8:], digits[6:], "{}", m.text("email", 100), m.text("url", 100), m.text("slug", 100), m.text("phone", 100),
		"en-US", "en_US", "Europe/Berlin", "USD", "US", "#a1b2c3", "application/json", "1.0.0", "10.0.0.1", m.uuid(col.Name), "DE89370400440532013000", "x", "")
}

// sizes returns the lengths that numbers in checks may mean.
func sizes(literals []string) []int {
	var out []int
	for _, l := range literals {
		if n, err := strconv.Atoi(l); err == nil && n >= 0 && n <= 5000 {
			for _, size := range []int{n, n - 1, n + 1} {
				if size >= 0 && !slices.Contains(out, size) {
					out = append(out, size)
				}
			}
		}
	}
	return out
}

func pad(s string, size int) string {
	for len(s) < size {
		s += "abcdefghij"[len(s)%10 : len(s)%10+1]
	}
	return s[:size]
}

func (m maker) numbers(typ *catalog.Type, literals []string, add func(...string)) {
	whole := strings.HasPrefix(typ.TypeName, "int")
	var found []float64
	for _, l := range literals {
		if f, err := strconv.ParseFloat(l, 64); err == nil {
			found = append(found, f)
		}
	}
	low, high := math.Inf(-1), math.Inf(1)
	if whole {
		size, _ := strconv.Atoi(strings.TrimPrefix(typ.TypeName, "int"))
		high = math.Pow(2, float64(8*size-1)) - 1
		low = -high
	}
	put := func(f float64) {
		if whole {
			f = math.Trunc(f)
		}
		if f >= low && f <= high {
			add(strconv.FormatFloat(f, 'f', -1, 64))
		}
	}
	// Within the bounds that two constants make, other for each row.
	for _, a := range found {
		for _, b := range found {
			if b > a+1 {
				put(a + 1 + math.Mod(float64(m.n), b-a-1))
			}
		}
	}
	for _, f := range found {
		for _, v := range []float64{f, f + 1, f - 1, f / 2, -f, f + float64(m.n), f - float64(m.n), f * 10} {
			put(v)
		}
		if !whole {
			put(f + 0.01)
			put(f - 0.01)
		}
	}
	for _, v := range []float64{0, 1, 2, 5, 10, 50, 100, -1} {
		put(v)
	}
	for i := range 3 {
		put(float64(m.n + i*10))
	}
	if !whole {
		put(0.5)
	}
}

// times are around the constants and the present.
func (m maker) times(literals []string, add func(...string)) {
	const layout = "2006-01-02 15:04:05-07"
	around := func(t time.Time) {
		for _, d := range []int{0, 1, -1, 30, -30, 365, -365} {
			add(t.AddDate(0, 0, d).Format(layout))
		}
		add(t.AddDate(0, 0, m.n%27).Add(time.Hour).Format(layout), t.Add(time.Hour).Format(layout))
	}
	for _, l := range literals {
		for _, form := range []string{"2006-01-02", "2006-01-02 15:04:05", layout, "2006-01-02 15:04:05-07:00"} {
			if t, err := time.Parse(form, l); err == nil {
				around(t.UTC())
				break
			}
		}
	}
	day := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	around(day.AddDate(0, 0, m.n))
	around(time.Now().UTC().Truncate(time.Hour))
	add("2000-01-01 00:00:00+00", "1980-06-15 00:00:00+00", "infinity")
}

// documents have the keys that the checks ask for.
func (m maker) documents(literals []string, add func(...string)) {
	add("{}", "[]", `"x"`, "1", "true", `[{"canary": 1}]`)
	var keys []string
	for _, l := range literals {
		if l != "" && strings.IndexFunc(l, func(r rune) bool { return r != '_' && r != '-' && (r < '0' || r > 'z') }) < 0 {
			keys = append(keys, l)
		}
		if strings.HasPrefix(l, "{") || strings.HasPrefix(l, "[") {
			add(l)
		}
	}
	for _, v := range []string{`"canary"`, "1", "{}", "[]", "true"} {
		var all []string
		for _, k := range keys {
			all = append(all, strconv.Quote(k)+": "+v)
			add("{" + strconv.Quote(k) + ": " + v + "}")
			for _, other := range keys {
				if other != k {
					add("{" + strconv.Quote(k) + ": " + strconv.Quote(other) + "}")
				}
			}
		}
		add("{" + strings.Join(all, ", ") + "}")
	}
}
