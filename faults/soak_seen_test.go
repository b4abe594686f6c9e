//go:build unix

package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// What a soak looks for is planted, one after the other, and the same load and
// the same audit find it. Before each of them they find nothing.
func TestSoakSeesWhatIsPlanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := soakIn(t, w, 1)
	for _, p := range []struct {
		name string
		row  string   // changes an acknowledged row behind its tenant's back; empty for the policy
		want []string // each in one of the things found
	}{
		{"a policy that lets every row through", "", leaks},
		{"a write that is lost", "delete from app.entries where tenant_id = $1 and id = $2", []string{"acknowledged"}},
		{"a write that happened twice", "update app.entries set amount = amount + 1 where tenant_id = $1 and id = $2", []string{"was changed"}},
		{"a row that another tenant has got", `with gone as (delete from app.entries where tenant_id = $1 and id = $2 returning *)
			insert into app.entries select (select max(t.id::text)::uuid from watertight.tenants t where t.id <> $1), id, amount, seal from gone`, []string{"as it is stored: LEAK"}},
		{"a deleted row that is back", "insert into app.entries select tenant_id, -id, amount, seal from app.entries where tenant_id = $1 and id = $2", []string{"was never written or is deleted"}},
		{"a damaged row", "update app.entries set seal = '\\x00' where tenant_id = $1 and id = $2", []string{"as it is stored: a row arrived damaged"}},
	} {
		s.await(t, underFault)
		s.audit(t)
		require.Empty(t, s.found(), "control: nothing is found before there is %s", p.name)
		if p.row == "" {
			leakingPolicy(t, s)
			s.audit(t)
		} else {
			s.audit(t, func() { s.changeRow(t, p.row) })
		}
		var texts []string
		for _, err := range s.found() {
			texts = append(texts, err.Error())
		}
		for _, want := range p.want {
			require.Contains(t, strings.Join(texts, "\n"), want, p.name)
		}
		s.restore(t)
	}
}

func (s *soak) changeRow(t testing.TB, sql string) {
	t.Helper()
	i := slices.IndexFunc(s.books, func(b *book) bool { return len(b.kept) > 0 })
	require.GreaterOrEqual(t, i, 0, "positive control: there are rows")
	b := s.books[i]
	tag, err := s.admin.Exec(t.Context(), sql, b.tenant, b.kept[0].id)
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected())
}

// leaks are what such a policy gives away. Writing is refused all the same, by
// the other half of the policy and by the log.
var leaks = []string{
	"list: LEAK: tenant", "ReadTx: LEAK: tenant", "batch: LEAK: tenant", "LEAK: could read another",
	"try another tenant: ERROR: new row violates", "try another tenant: ERROR: a row of another tenant was written",
}

// leakingPolicy is there for a moment, in which the tenants go on.
func leakingPolicy(t testing.TB, s *soak) {
	var using string
	require.NoError(t, s.admin.QueryRow(t.Context(),
		"select qual from pg_policies where schemaname = 'app' and tablename = 'entries' and policyname = 'tenant_isolation'").Scan(&using))
	change := func(expression string) {
		for _, sql := range []string{
			"alter event trigger watertight_protected disable",
			"alter policy tenant_isolation on app.entries using (" + expression + ")",
			"alter event trigger watertight_protected enable",
		} {
			_, err := s.admin.Exec(t.Context(), sql)
			require.NoError(t, err)
		}
	}
	change("true")
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		found := fmt.Sprint(s.bad)
		return !slices.ContainsFunc(leaks, func(text string) bool { return !strings.Contains(found, text) })
	}, patience, rest)
	change(using)
}

// restore empties the table and the books, and forgets what was found meanwhile.
func (s *soak) restore(t testing.TB) {
	t.Helper()
	s.gate.Lock()
	defer s.gate.Unlock()
	_, err := s.admin.Exec(t.Context(), "delete from app.entries")
	require.NoError(t, err)
	for _, b := range s.books {
		b.kept, b.doubt = nil, nil
	}
	s.found()
}

// Growth is told from noise.
func TestSoakSeesGrowth(t *testing.T) {
	t.Parallel()
	values := func(f func(i int) float64) (list []float64) {
		for i := range 360 {
			list = append(list, f(i))
		}
		return list
	}
	noisy := func(i int) float64 { return 20 + float64(i*7919%13)/4 }
	require.True(t, trendOf("noise", 3, 0, values(noisy)).flat())
	require.False(t, trendOf("growth", 3, 0, values(func(i int) float64 { return noisy(i) + float64(i)/20 })).flat())
	require.True(t, trendOf("a peak", 0, 0, values(func(i int) float64 { return 8 + 4*float64(i/359) })).flat())
	require.False(t, trendOf("a peak above the limit", 0, 8, values(func(i int) float64 { return 8 + 4*float64(i/359) })).flat())
}

// The outcome of an error decides what a book says; a wrong one would hide a
// lost write, or accuse a server of one.
func TestSoakOutcomes(t *testing.T) {
	t.Parallel()
	timeout := &pgconn.PgError{Code: "57014"}
	for _, c := range []struct {
		err           error
		statement, tx outcome
	}{
		{nil, happened, happened},
		{timeout, undone, undone},
		{context.DeadlineExceeded, unknown, undone},
		{tenancy.ErrUnavailable, unknown, undone},
		{errors.Join(tenancy.ErrUnavailable, timeout), unknown, undone},
		{tenancy.ErrCommitUnknown, unknown, unknown},
		{errors.Join(tenancy.ErrCommitUnknown, timeout), unknown, unknown},
		{tenancy.ErrProtocol, unknown, unknown},
	} {
		require.Equal(t, c.statement, ofStatement(c.err), "statement: %v", c.err)
		require.Equal(t, c.tx, ofTx(c.err), "transaction: %v", c.err)
	}
}
