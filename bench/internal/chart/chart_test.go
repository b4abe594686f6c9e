package chart

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func example() *Chart {
	return &Chart{
		Title: "Costs & benefits", Unit: "times raw", Line: 1, Bars: []string{"raw", "ours <1>"},
		Panel: []Panel{{Title: "loopback", Groups: []Group{
			{"point", []Value{{1, 1, 1}, {1.5, 1.25, 2}}},
			{"list", []Value{{1, 1, 1}, None}},
		}}},
	}
}

// elements parses the drawing and counts its elements.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	found := map[string]int{}
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return found
		}
		require.NoError(t, err)
		if start, ok := token.(xml.StartElement); ok {
			found[start.Name.Local]++
		}
	}
}

func TestChart(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, example().Write(&b))
	found := elements(t, b.String())
	// The ground, two in the key, three bars.
	require.Equal(t, 6, found["rect"])
	require.Contains(t, b.String(), "Costs &amp; benefits")
	// The scale ends at 2: 1.5 is three quarters of a panel's height, 190.
	require.Contains(t, b.String(), `height="142.5"`)
	require.Contains(t, b.String(), "<title>point, ours &lt;1&gt;: 1.5</title>")
	require.NotContains(t, b.String(), "NaN")
}

func TestChartThatShowsNothingIsRefused(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, (&Chart{Bars: []string{"raw"}}).Write(io.Discard), "shows nothing")
	c := example()
	c.Panel[0].Groups[0].Values = nil
	require.ErrorContains(t, c.Write(io.Discard), `group "point" has 0 values for 2 bars`)
	c = example()
	c.Bars = make([]string, 9)
	require.ErrorContains(t, c.Write(io.Discard), "more than there are colours")
}
