package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/bench/internal/ways"
	"github.com/watertight-go/watertight/internal/needs"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// A whole run, as short as one can be: every situation is there, every way in
// it, and the page says what the raw figures say.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{
		"-ops", "point,insert,bulk1000", "-rtt", "0,1ms", "-goroutines", "1",
		"-rounds", "2", "-slice", "1ms", "-tenants", "2", "-rows", "60", "-out", dir,
	}
	var log bytes.Buffer
	err := run(t.Context(), args, io.Discard, &log)
	if missing := new(pgtest.NotFoundError); errors.As(err, &missing) {
		needs.Missing(t, "%v", err)
	}
	require.NoError(t, err, log.String())

	raw, err := os.ReadFile(filepath.Join(dir, "comparison.json"))
	require.NoError(t, err)
	var found results
	require.NoError(t, json.Unmarshal(raw, &found))
	s, err := parse(args, io.Discard)
	require.NoError(t, err)
	want := 0
	for _, o := range s.operations {
		for _, k := range s.kinds {
			if k.Measures(o) {
				want += 2 // networks
			}
		}
	}
	require.Len(t, found.Cells, want)
	for _, c := range found.Cells {
		require.Len(t, c.Nanoseconds, 2, c.Way)
		if c.RoundTrip == 0 {
			require.Len(t, c.Allocs, 2, c.Way)
		} else {
			require.Empty(t, c.Client, "the proxy's work would be in it")
		}
	}
	// A statement cannot take less than the round trips that it costs.
	for way, trips := range map[string]float64{"raw": 1, "signed": 1, "separate": 4, "session": 3} {
		c := found.find("point", time.Millisecond, 1, way)
		for _, ns := range c.Nanoseconds {
			require.GreaterOrEqual(t, ns, trips*0.5e6, "%s over a millisecond", way)
		}
	}

	page, err := os.ReadFile(filepath.Join(dir, "comparison.md"))
	require.NoError(t, err)
	for _, text := range []string{"PostgreSQL " + found.Machine.Postgres, "| point | signed | loopback | 1 | 1.55 |", "comparison-1ms.svg", "CPU of the server"} {
		require.Contains(t, string(page), text)
	}
	require.NotContains(t, string(page), "NaN")
	for _, text := range []string{dir, "/home/", "postgres://", "127.0.0.1"} {
		require.NotContains(t, string(page), text)
	}
	host, err := os.Hostname()
	require.NoError(t, err)
	if len(host) > 4 {
		require.NotContains(t, string(page), host)
	}
}

// invented are figures of two ways whose ratio is known.
func invented() *results {
	s, _ := parse([]string{"-run", "signed", "-ops", "point", "-rtt", "0", "-goroutines", "1"}, io.Discard)
	return &results{settings: s, Rounds: 3, Cells: []*cell{
		{Operation: "point", Goroutines: 1, Way: "raw", Nanoseconds: []float64{100, 1000, 100}, Client: []float64{10e3}},
		{Operation: "point", Goroutines: 1, Way: "signed", Nanoseconds: []float64{150, 1600, 200}, Client: []float64{20e3}},
	}}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	r := invented()
	list, err := r.verdicts()
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.InDelta(t, 1.6, list[0].ratio.Median, 1e-9)
	require.False(t, list[0].held())
	require.Equal(t, "**missed**, within the spread", list[0].String())
	r.Cells[1].Nanoseconds = []float64{200, 2000, 200}
	list, err = r.verdicts()
	require.NoError(t, err)
	require.Equal(t, "**missed** by 0.45", list[0].String())
	r.Cells[1].Nanoseconds = []float64{100, 1000, 100}
	list, err = r.verdicts()
	require.NoError(t, err)
	require.Equal(t, "held", list[0].String())
}

func TestEveryTargetIsMeasured(t *testing.T) {
	t.Parallel()
	s, err := parse(nil, io.Discard)
	require.NoError(t, err)
	for _, target := range targets() {
		for _, op := range target.operations {
			o, err := choose(op, s.operations, func(o ways.Operation) string { return o.Name })
			require.NoError(t, err)
			k, err := choose(target.way, s.kinds, func(k ways.Kind) string { return k.Name })
			require.NoError(t, err)
			require.True(t, k[0].Measures(o[0]), "%s %s", target.way, op)
		}
		require.Contains(t, s.roundTrips, target.roundTrip)
		require.Subset(t, s.goroutines, target.goroutines)
	}
}

func TestPageOfInventedFigures(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	require.NoError(t, invented().markdown(&b))
	require.Contains(t, b.String(), "0 of 1 held.")
	require.Contains(t, b.String(), "| 1 | point read | 0 | 1.60 ±0.12 |")
	require.Contains(t, b.String(), "| point read | 10 | 20 |")
	require.Contains(t, b.String(), "| point read | – | – |", "what is not known is not nothing")
}

func TestFlags(t *testing.T) {
	t.Parallel()
	s, err := parse([]string{"-run", "session", "-ops", "insert", "-quick"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"raw", "session"}, []string{s.kinds[0].Name, s.kinds[1].Name}, "the floor is always there")
	for _, bad := range [][]string{
		{"-run", "fast"},
		{"-ops", "read"},
		{"-rtt", "-1ms"},
		{"-rtt", "soon"},
		{"-goroutines", "0"},
		{"-goroutines", "41"},
		{"-rounds", "0"},
		{"-slice", "0s"},
		{"point"},
	} {
		_, err := parse(bad, io.Discard)
		require.ErrorContains(t, err, "(", "%v has a remedy", bad)
	}
	_, err = parse([]string{"-ops", "read"}, io.Discard)
	require.ErrorContains(t, err, `"read" is not known (take some of point, list50,`)
}
