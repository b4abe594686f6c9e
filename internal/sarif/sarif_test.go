package sarif

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// GitHub refuses a whole upload for one result without a file, for a result
// that names no known level, and for a line or column of zero.
func TestWrite(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	require.NoError(t, Write(&b, Run{
		Tool:  "watertight prove",
		Rules: []Rule{{ID: "WT001", Name: "no-clause", Title: "a <clause> is missing", Doc: "long", Level: "error"}, {ID: "WTI002"}},
		Results: []Result{
			{Rule: "WT001", Level: "error", Message: "a & b", File: "queries/a.sql", Line: 3, Column: 4, Print: "p"},
			{Rule: "WTI002", Level: "warning", Message: "policy", Object: "public.bookings"},
			{Rule: "WT001", Level: "error", Message: "no line", File: "b.sql"},
		},
	}))
	require.Contains(t, b.String(), "a <clause> is missing")
	var got log
	require.NoError(t, json.Unmarshal([]byte(b.String()), &got))
	require.Equal(t, "2.1.0", got.Version)
	require.Len(t, got.Runs, 1)
	results := got.Runs[0].Results
	require.Equal(t, location{Physical: physical{artifact{"queries/a.sql"}, region{3, 4}}}, results[0].Locations[0])
	require.Equal(t, map[string]string{"watertight/v1": "p"}, results[0].Prints)
	require.Equal(t, location{physical{artifact{"watertight.yaml"}, region{1, 1}}, []logical{{"public.bookings", "object"}}}, results[1].Locations[0])
	require.Equal(t, region{1, 1}, results[2].Locations[0].Physical.Region)
	require.Nil(t, got.Runs[0].Tool.Driver.Rules[1].Short)
}

// A clean run is a run with empty lists, which clears what was found before.
func TestWriteNothing(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	require.NoError(t, Write(&b, Run{Tool: "watertight lint"}))
	require.Contains(t, b.String(), `"results": []`)
	require.Contains(t, b.String(), `"rules": []`)
}
