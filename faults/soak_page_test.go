//go:build unix

package faults

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const pageHead = `# Soak

Written by ` + "`make soak`" + `: %s of mixed load from %s tenants, with a fault every %s, chosen by the seed %d.

Seen on PostgreSQL %s, %s, %d cores; %d workers over a pool of %d connections bound to their sessions (` + "`tenancy.BindSession`" + `).

Each row carries its tenant a second time, as an HMAC over tenant and id, and each row that is read is checked against its reader; reading
statements have no predicate on the tenant. After each fault the load stops for an audit: as a superuser, every row is compared with its
seal and with what its tenant was told. A write that was acknowledged must be there, once; what was deleted or rolled back must not; of a
write whose outcome nobody knows, all or nothing. Then every connection is idle, and the server has as many sessions as the pool has
connections. ` + "`TestSoakSeesWhatIsPlanted`" + ` plants a leak, a lost write, a second one and a row of another tenant for the same code to find.

`

// page is what the run saw, for the documentation.
func (s *soak) page(t testing.TB, took time.Duration, trends []trend) string {
	t.Helper()
	var version string
	require.NoError(t, s.admin.QueryRow(t.Context(), "select split_part(current_setting('server_version'), ' ', 1)").Scan(&version))
	var b strings.Builder
	fmt.Fprintf(&b, pageHead, took.Round(time.Second), grouped(int64(len(s.tenants))), soakEvery.String(), s.seed, version, runtime.Version(), runtime.NumCPU(), soakWorkers, soakConns)
	s.pageFindings(&b)
	s.pageOperations(&b)
	s.pageFaults(&b)
	s.pageTrends(&b, trends)
	return b.String()
}

func (s *soak) pageFindings(b *strings.Builder) {
	fmt.Fprint(b, "## What was found\n\n")
	if len(s.bad) == 0 {
		fmt.Fprint(b, "No leak, no lost write, no error without a name.\n\n")
		return
	}
	for _, err := range s.bad {
		fmt.Fprintf(b, "- %s (the first of %d like it)\n", strings.ReplaceAll(err.Error(), "\n", " "), s.alike(err))
	}
	fmt.Fprintln(b)
}

func (s *soak) pageOperations(b *strings.Builder) {
	fmt.Fprint(b, "## What was done\n\n| | |\n|---|---:|\n")
	for _, line := range []struct {
		what string
		n    int64
	}{
		{"operations that succeeded", s.acks.Load()},
		{"operations that failed", s.failed.Load()},
		{"rows read and checked against their reader", s.rows.Load()},
		{"attempts on another tenant's rows, all without success", s.refused.Load()},
		{"rows written with an acknowledgement", s.written.Load()},
		{"rows deleted with an acknowledgement", s.gone.Load()},
		{"writes and deletes whose outcome was unknown until the next audit", int64(s.doubts)},
		{"audits of every row", int64(s.audits)},
	} {
		fmt.Fprintf(b, "| %s | %s |\n", line.what, grouped(line.n))
	}
	fmt.Fprint(b, "\nOperations by kind: ")
	for i, o := range operations {
		fmt.Fprintf(b, "%s %s", o.name, grouped(s.kinds[i].Load()))
		fmt.Fprint(b, map[bool]string{true: ".\n\n", false: ", "}[i == len(operations)-1])
	}
}

func (s *soak) pageFaults(b *strings.Builder) {
	fmt.Fprint(b, "## What broke\n\n| fault | times | what those got who were not served |\n|---|---:|---|\n")
	for _, f := range soakFaults {
		if s.times[f.name] == 0 {
			continue
		}
		var errs []string
		for _, name := range slices.Sorted(maps.Keys(s.under[f.name])) {
			errs = append(errs, fmt.Sprintf("`%s` %s", name, grouped(int64(s.under[f.name][name]))))
		}
		if errs == nil {
			errs = []string{"no error"}
		}
		fmt.Fprintf(b, "| %s | %d | %s |\n", f.name, s.times[f.name], strings.Join(errs, ", "))
	}
	fmt.Fprintln(b)
}

func (s *soak) pageTrends(b *strings.Builder, trends []trend) {
	fmt.Fprintf(b, "## What it took\n\n%d samples while tenants were served and things broke. The second half's median may be a tenth above the "+
		"first's, and a little that does not depend on the length of the run.\n\n", len(s.samples))
	fmt.Fprint(b, "| | median, first half | median, second half | may be | at most | |\n|---|---:|---:|---:|---:|---|\n")
	for _, tr := range trends {
		fmt.Fprintf(b, "| %s | %.1f | %.1f | %.1f | %.1f | %s |\n", tr.what, tr.first, tr.second, tr.bound(), tr.most,
			map[bool]string{true: "flat", false: "**grows**"}[tr.flat()])
	}
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
