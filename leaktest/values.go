package leaktest

import (
	"crypto/md5"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A maker invents values. The number n makes them differ from row to row; the
// label marks whose they are.
type maker struct {
	w     *world
	label string
	n     int
}

// base returns a value of a type as text, or false if none can be invented. The
// name is that of the column, which says what a text looks like.
func (m maker) base(oid catalog.OID, typeName, name string) (string, bool) {
	t := m.w.types[oid]
	if t == nil {
		return "", false
	}
	switch {
	case t.Kind == "e":
		if len(t.Labels) == 0 {
			return "", false
		}
		return t.Labels[m.n%len(t.Labels)], true
	case t.Kind == "d":
		return m.base(t.Base, t.BaseName, name)
	case t.Kind == "c":
		return m.composite(t, name)
	case t.Kind == "r":
		return m.rangeValue(t, name)
	case t.Kind == "m":
		inner, ok := m.base(t.Subtype, "", name)
		return "{" + inner + "}", ok
	case t.Element != 0:
		inner, ok := m.base(t.Element, strings.TrimSuffix(typeName, "[]"), name)
		return arrayLiteral(inner), ok
	}
	return m.scalar(t, typeName, name)
}

// arrayLiteral writes an array of the elements.
func arrayLiteral(elements ...string) string {
	quoted := make([]string, len(elements))
	for i, e := range elements {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(e) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

func (m maker) composite(t *catalog.Type, name string) (string, bool) {
	fields := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		v, ok := m.base(f, "", name)
		if !ok {
			return "", false
		}
		fields[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `""`).Replace(v) + `"`
	}
	return "(" + strings.Join(fields, ",") + ")", true
}

// rangeValue makes ranges of different n that do not overlap.
func (m maker) rangeValue(t *catalog.Type, name string) (string, bool) {
	low, high := m, m
	low.n, high.n = 2*m.n, 2*m.n+1
	from, ok := low.base(t.Subtype, "", name)
	to, ok2 := high.base(t.Subtype, "", name)
	return `["` + from + `","` + to + `")`, ok && ok2
}

// typeParts takes a type such as numeric(10,2) apart.
var typeParts = regexp.MustCompile(`\((\d+)(?:,\s*(-?\d+))?\)`)

func modifiers(typeName string) (first, second int, ok bool) {
	p := typeParts.FindStringSubmatch(typeName)
	if p == nil {
		return 0, 0, false
	}
	first, _ = strconv.Atoi(p[1])
	second, _ = strconv.Atoi(p[2])
	return first, second, true
}

func (m maker) scalar(t *catalog.Type, typeName, name string) (string, bool) {
	n := m.n
	limit, scale, limited := modifiers(typeName)
	switch t.TypeName {
	case "text", "varchar", "bpchar", "citext", "name":
		if !limited {
			limit = 60
		}
		if t.TypeName == "bpchar" && !limited {
			limit = 1
		}
		return m.text(name, limit), true
	case "int2":
		return strconv.Itoa(100 + n%30_000), true
	case "int4", "int8":
		return strconv.Itoa(1000 + n), true
	case "numeric":
		return m.numeric(limit, scale, limited), true
	case "float4", "float8":
		return strconv.Itoa(n) + ".5", true
	case "money":
		return strconv.Itoa(n) + ".25", true
	case "bool":
		return strconv.FormatBool(n%2 == 0), true
	case "uuid":
		return m.uuid(name), true
	case "date":
		return fmt.Sprintf("%04d-%02d-%02d", 2031+n/336, 1+n/28%12, 1+n%28), true
	case "timestamp", "timestamptz":
		return fmt.Sprintf("%04d-%02d-%02d 10:00:00+00", 2031+n/336, 1+n/28%12, 1+n%28), true
	case "time", "timetz":
		return fmt.Sprintf("%02d:%02d:00", n/60%24, n%60), true
	case "interval":
		return strconv.Itoa(1+n) + " minutes", true
	case "json", "jsonb":
		return fmt.Sprintf(`{"canary": "%s", "n": %d}`, m.text("", 40), n), true
	}
	return m.rarer(t, limit, limited)
}

// rarer makes values of the types that few columns have.
func (m maker) rarer(t *catalog.Type, limit int, limited bool) (string, bool) {
	n := m.n
	switch t.TypeName {
	case "bytea":
		return fmt.Sprintf(`\x%x`, m.text("", 40)), true
	case "inet":
		return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255), true
	case "cidr":
		return fmt.Sprintf("10.%d.%d.0/24", n>>8&255, n&255), true
	case "macaddr":
		return fmt.Sprintf("02:00:00:%02x:%02x:%02x", n>>16&255, n>>8&255, n&255), true
	case "macaddr8":
		return fmt.Sprintf("02:00:00:00:00:%02x:%02x:%02x", n>>16&255, n>>8&255, n&255), true
	case "bit", "varbit":
		if !limited {
			limit = 1
			if t.TypeName == "varbit" {
				limit = 16
			}
		}
		return bits(n, limit), true
	case "xml":
		return "<v>" + m.text("", 40) + "</v>", true
	case "tsvector", "tsquery":
		return "'" + m.text("slug", 40) + "'", true
	case "point":
		return fmt.Sprintf("(%d,%d)", n, n), true
	case "line":
		return fmt.Sprintf("{1,1,%d}", n), true
	case "lseg", "box":
		return fmt.Sprintf("(%d,%d),(%d,%d)", 10*n+5, 10*n+5, 10*n, 10*n), true
	case "path", "polygon":
		return fmt.Sprintf("((%d,0),(%d,1),(%d,2))", 10*n, 10*n+5, 10*n), true
	case "circle":
		return fmt.Sprintf("<(%d,0),1>", 10*n), true
	case "cube", "seg":
		return strconv.Itoa(n), true
	case "char":
		return string(rune('a' + n%26)), true
	case "oid", "xid", "cid", "xid8":
		return strconv.Itoa(20_000 + n), true
	case "regclass", "regtype", "regproc", "regrole", "regnamespace":
		return map[string]string{"regclass": "pg_class", "regtype": "text", "regproc": "now", "regrole": "pg_monitor", "regnamespace": "pg_catalog"}[t.TypeName], true
	case "tid":
		return fmt.Sprintf("(%d,1)", n), true
	case "pg_lsn":
		return fmt.Sprintf("0/%X", n), true
	case "jsonpath":
		return "$", true
	case "txid_snapshot", "pg_snapshot":
		return fmt.Sprintf("%d:%d:", 10+n, 10+n), true
	case "hstore":
		return `"canary"=>"` + m.text("", 40) + `"`, true
	case "ltree":
		return "canary." + strings.ReplaceAll(m.text("slug", 40), "-", "_"), true
	case "geometry", "geography":
		return fmt.Sprintf("SRID=4326;POINT(%d %d)", n%180, n%90), true
	case "vector", "halfvec":
		if !limited {
			limit = 3
		}
		return "[" + strings.TrimSuffix(strings.Repeat(strconv.Itoa(n%10)+",", limit), ",") + "]", true
	}
	return "", false
}

func bits(n, width int) string {
	text := strconv.FormatInt(int64(n), 2)
	if len(text) > width {
		return text[len(text)-width:]
	}
	return strings.Repeat("0", width-len(text)) + text
}

// numeric fits the precision and scale.
func (m maker) numeric(precision, scale int, limited bool) string {
	if !limited {
		return strconv.Itoa(m.n) + ".5"
	}
	digits := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(precision-scale, 0))), nil)
	whole := new(big.Int).Mod(big.NewInt(int64(1+m.n)), digits)
	if scale <= 0 {
		return whole.String() + strings.Repeat("0", -scale)
	}
	return fmt.Sprintf("%s.%0*d", whole, scale, m.n%10)
}

func (m maker) uuid(name string) string {
	sum := md5.Sum([]byte(fmt.Sprintf("%s %s %d", m.label, name, m.n)))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:])
}

// text makes a text of at most limit characters that no other n has, and looks
// like what a column of the name holds.
func (m maker) text(name string, limit int) string {
	id := m.label + strconv.Itoa(m.n)
	n := normal(name)
	shapes := []struct{ has, text string }{
		{"email", id + "@" + m.label + ".example"},
		{"url", "https://" + id + ".example/"},
		{"website", "https://" + id + ".example/"},
		{"domain", id + ".example"},
		{"host", id + ".example"},
		{"slug", "slug-" + id},
		{"phone", fmt.Sprintf("+1555%07d", m.n)},
		{"currency", "EUR"},
		{"country", "DE"},
		{"locale", "en"},
		{"timezone", "UTC"},
		{"color", fmt.Sprintf("#%06x", m.n)},
	}
	for _, s := range shapes {
		if strings.Contains(n, s.has) && len(s.text) <= limit {
			return s.text
		}
	}
	for _, text := range []string{"canary " + id + " " + name, "canary " + id, id} {
		if len(text) <= limit {
			return strings.TrimSpace(text)
		}
	}
	// Too short for the label: the number alone, in few characters.
	short := strconv.FormatInt(int64(m.n), 36)
	if len(short) > limit {
		short = short[len(short)-limit:]
	}
	return short
}
