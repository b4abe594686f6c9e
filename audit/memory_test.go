package audit_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/audit"
)

// heap is what is reachable now.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An export of a log twenty times as long holds no more in memory. (Not
// parallel: it measures the heap of the process.)
func TestExportStreams(t *testing.T) { //nolint:paralleltest // see above
	w := newWorld(t)
	_, err := w.asA(t).Exec(t.Context(), "insert into app.contacts (tenant_id, id, name) select $1, n, 'contact ' || n from generate_series(1, 50000) n", w.a)
	require.NoError(t, err)
	before := heap()
	var most uint64
	calls := 0
	n, err := audit.Export(t.Context(), w.asA(t), w.a.UUID(), io.Discard, audit.ExportConfig{Progress: func(uint64) {
		calls++
		most = max(most, heap())
	}})
	require.NoError(t, err)
	require.EqualValues(t, 50_003, n)
	require.Equal(t, 3, calls)
	require.Less(t, most, before+2<<20, "50,000 events are some 20 MB")
}
