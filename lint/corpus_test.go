package lint

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// corpusQuery is one labelled query of testdata/corpus.
type corpusQuery struct {
	id     string // file:line
	sql    string
	pinned bool   // the label
	tenant string // "$1", "@tenant_id", or "none"
}

func corpus(t testing.TB) []corpusQuery {
	t.Helper()
	var out []corpusQuery
	for _, name := range []string{"pinned", "free"} {
		src, err := os.ReadFile("testdata/corpus/" + name + ".sql")
		require.NoError(t, err)
		lines := newLines(string(src))
		for _, p := range splitStatements(string(src)) {
			if p.code >= p.end {
				continue
			}
			line, _ := lines.position(p.code)
			q := corpusQuery{id: name + ":" + strconv.Itoa(line), sql: string(src[p.code:p.end]), pinned: name == "pinned", tenant: "$1"}
			if strings.Contains(q.sql, "@tenant_id") || strings.Contains(q.sql, "sqlc.arg(tenant_id)") {
				q.tenant = "@tenant_id"
			}
			for _, c := range p.comments {
				if v, ok := strings.CutPrefix(c.text, "tenant: "); ok {
					q.tenant = v
				}
			}
			out = append(out, q)
		}
	}
	return out
}

func corpusSchema(t testing.TB) *Schema {
	t.Helper()
	s, err := ReadSchema([]string{"testdata/corpus/schema.sql"})
	require.NoError(t, err)
	return s
}

// errorsOf returns the error findings of a query.
func errorsOf(t testing.TB, s *Schema, sql string) []Finding {
	t.Helper()
	r, err := Check(s, []File{{"q.sql", sql}}, Options{})
	require.NoError(t, err, sql)
	return r.Findings
}

func TestCorpusLabels(t *testing.T) {
	t.Parallel()
	s := corpusSchema(t)
	counts := map[bool]int{}
	for _, q := range corpus(t) {
		found := errorsOf(t, s, q.sql)
		counts[q.pinned]++
		if q.pinned && len(found) > 0 {
			t.Errorf("false alarm at %s: %s\n%v", q.id, q.sql, found)
		}
		if !q.pinned && len(found) == 0 {
			t.Errorf("missed leak at %s: %s", q.id, q.sql)
		}
		for _, f := range found {
			if f.Broken() {
				t.Errorf("%s is flagged for being broken, not for its scope: %s\n%v", q.id, q.sql, f)
			}
		}
	}
	require.GreaterOrEqual(t, counts[true], 150)
	require.GreaterOrEqual(t, counts[false], 150)
}

// TestCorpusNoninterference confirms every label on a real server: a pinned
// query gives A the same with and without B's rows, and leaves them alone, for
// every choice of arguments; a free one does not for at least one choice.
func TestCorpusNoninterference(t *testing.T) {
	t.Parallel()
	queries := corpus(t)
	const workers = 4
	for w := range workers {
		t.Run("worker "+strconv.Itoa(w), func(t *testing.T) {
			t.Parallel()
			worlds := newWorlds(t)
			for i := w; i < len(queries); i += workers {
				q := queries[i]
				why := worlds.interference(t, q.sql, q.tenant)
				if strings.HasPrefix(why, "invalid") {
					t.Errorf("%s is not SQL: %s: %s", q.id, why, q.sql)
				}
				if q.pinned && why != "" {
					t.Errorf("%s is labelled pinned, but %s: %s", q.id, why, q.sql)
				}
				if !q.pinned && why == "" {
					t.Errorf("%s is labelled free, but no choice of arguments shows it: %s", q.id, q.sql)
				}
			}
		})
	}
}

var sqlcCall = regexp.MustCompile(`sqlc\.arg\('?(\w+)'?\)`)

// executable turns sqlc's parameters into numbered ones and returns the number
// of the tenant's, 0 for none.
func executable(sql, tenant string) (string, int) {
	r := numberParams(sqlcCall.ReplaceAllString(sql, "@$1"))
	highest := 0
	for _, m := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(r.sql, -1) {
		if n, _ := strconv.Atoi(m[1]); n < namedBase {
			highest = max(highest, n)
		}
	}
	number, _ := strconv.Atoi(strings.TrimPrefix(tenant, "$"))
	out := r.sql
	var numbers []int
	for n := range r.named {
		numbers = append(numbers, int(n))
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		out = strings.ReplaceAll(out, "$"+strconv.Itoa(n), "$"+strconv.Itoa(highest+1+i))
		if r.named[int32(n)] == tenant {
			number = highest + 1 + i
		}
	}
	return out, number
}
