package main

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/needs"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// A whole run, as short as one can be.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	err := run(t.Context(), []string{
		"-tenants", "2,40", "-rows", "600,1200", "-partitions", "2", "-partitioned-to", "600",
		"-visited", "30", "-rounds", "2", "-slice", "1ms", "-out", dir,
	}, io.Discard, &log)
	if missing := new(pgtest.NotFoundError); errors.As(err, &missing) {
		needs.Missing(t, "%v", err)
	}
	require.NoError(t, err, log.String())
	text, err := os.ReadFile(filepath.Join(dir, "growth.md"))
	require.NoError(t, err)
	for _, want := range []string{
		"| 2 | 600 | point | ", "| 40 | 600 | list50 | ", "| 40 | 1,200 | insert | ",
		"A point read with 40 tenants takes", "Of 24 plans", "2 partitions, over the plain table", "| 30 | 8 | ",
	} {
		require.Contains(t, string(text), want)
	}
	require.NotContains(t, string(text), "NaN")
}

func TestSteps(t *testing.T) {
	t.Parallel()
	s, err := parse([]string{"-tenants", "10,100", "-rows", "1000,5000,9000", "-partitioned-to", "5000"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []step{{10, 1000, 0}, {100, 1000, 32}, {100, 5000, 32}, {100, 9000, 0}}, s.steps())
	for _, bad := range [][]string{
		{"-tenants", "0"}, {"-tenants", "10,1"}, {"-rows", "many"}, {"-tenants", "50", "-rows", "10"}, {"-rounds", "0"}, {"-partitions", "1"},
	} {
		_, err := parse(bad, io.Discard)
		require.ErrorContains(t, err, "(", "%v has a remedy", bad)
	}
}

// Rows are picked evenly, so the largest tenant comes up as often as it has
// rows; and a list is asked of a tenant that has one.
func TestPick(t *testing.T) {
	t.Parallel()
	s := step{Tenants: 100, Rows: 10_000}
	p := &place{sizes: s.sizes()}
	var sum int64
	for _, n := range p.sizes {
		sum += n
		p.upTo = append(p.upTo, sum)
	}
	require.InDelta(t, s.Rows, sum, 200)
	r := rand.New(rand.NewPCG(1, 1))
	first := 0
	for range 10_000 {
		k, row := p.pick(r, 1)
		require.True(t, 1 <= row && row <= p.sizes[k])
		if k == 0 {
			first++
		}
		k, row = p.pick(r, listed)
		require.GreaterOrEqual(t, p.sizes[k]-row+1, int64(listed))
	}
	require.InDelta(t, float64(p.sizes[0])/float64(sum), float64(first)/10_000, 0.03)
}

func TestThousands(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"1", "1,000", "100,000", "50,000,000"}, []string{thousands(1), thousands(1000), thousands(100_000), thousands(50_000_000)})
}
