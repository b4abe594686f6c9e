package lint

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bigSchema returns a schema of n tenant tables with keys and foreign keys.
func bigSchema(n int) string {
	var b strings.Builder
	b.WriteString("create table tenants (id uuid primary key);\n")
	for i := range n {
		fmt.Fprintf(&b, `create table t%d (
  tenant_id uuid not null references tenants, id uuid not null, parent uuid, title text, status text not null default 'open',
  amount int not null default 0, created_at timestamptz not null default now(), updated_at timestamptz, note text, data jsonb,
  primary key (tenant_id, id), unique (tenant_id, title));
create index on t%d (tenant_id, status);
`, i, i)
	}
	return b.String()
}

// bigQueries returns n queries of the usual kinds over the tables.
func bigQueries(n, tables int) string {
	kinds := []string{
		"select * from t{a} where tenant_id = $1 and id = $2",
		"select a.id, b.title, count(*) over (order by a.id) from t{a} a join t{b} b on b.tenant_id = a.tenant_id and b.id = a.parent left join t{c} c on c.tenant_id = a.tenant_id and c.id = b.parent where a.tenant_id = $1 and (a.status = $2 or $2 is null) order by a.created_at desc limit $3",
		"with recent as (select * from t{a} where tenant_id = $1 order by created_at desc limit 10) select r.*, (select count(*) from t{b} x where x.tenant_id = r.tenant_id and x.parent = r.id) from recent r",
		"insert into t{a} (tenant_id, id, title) values ($1, $2, $3) on conflict (tenant_id, title) do update set note = excluded.note returning *",
		"update t{a} a set title = b.title from t{b} b where a.tenant_id = $1 and b.tenant_id = a.tenant_id and b.id = a.parent",
		"delete from t{a} where tenant_id = $1 and id in (select parent from t{b} where tenant_id = $1)",
		"select status, sum(amount) from t{a} where tenant_id = $1 group by status having sum(amount) > $2",
		"select id from t{a} where tenant_id = $1 union all select id from t{b} where tenant_id = $1",
	}
	var b strings.Builder
	for i := range n {
		names := strings.NewReplacer("{a}", itoa(i%tables), "{b}", itoa((i*7+1)%tables), "{c}", itoa((i*13+2)%tables))
		fmt.Fprintf(&b, "-- name: Q%d :many\n%s;\n\n", i, names.Replace(kinds[i%len(kinds)]))
	}
	return b.String()
}

// BenchmarkCheck shows that the work grows with the queries: ns/query stays.
func BenchmarkCheck(b *testing.B) {
	schemaSQL := bigSchema(200)
	for _, n := range []int{500, 1000, 2000, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			queries := bigQueries(n, 200)
			b.ReportAllocs()
			for b.Loop() {
				s, err := ParseSchema("schema.sql", schemaSQL)
				require.NoError(b, err)
				r, err := Check(s, []File{{"q.sql", queries}}, Options{})
				require.NoError(b, err)
				require.Equal(b, n, r.Proved)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/query")
		})
	}
}

// TestCheckIsLinear counts allocations, which do not depend on how busy the
// machine is: twice the queries are twice the work, and the memory that stays
// is small.
func TestCheckIsLinear(t *testing.T) {
	s, err := ParseSchema("schema.sql", bigSchema(200))
	require.NoError(t, err)
	work := func(n int) uint64 {
		files := []File{{"q.sql", bigQueries(n, 200)}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		r, err := Check(s, files, Options{})
		require.NoError(t, err)
		require.Equal(t, n, r.Proved)
		runtime.ReadMemStats(&after)
		t.Logf("%d queries: %v, %d MB allocated, %d MB from the system", n, time.Since(start), (after.TotalAlloc-before.TotalAlloc)>>20, after.Sys>>20)
		return after.TotalAlloc - before.TotalAlloc
	}
	one, four := work(1000), work(4000)
	require.Less(t, float64(four), 4.4*float64(one))
	require.Less(t, float64(one)/1000, 300e3, "bytes per query")
}
