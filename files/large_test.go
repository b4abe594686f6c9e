package files_test

import (
	"crypto/sha256"
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/files"
)

// largeMB is how large the file of TestLargeFile is, in MiB; 5120 for 5 GB.
const largeMB = "WATERTIGHT_FILE_MB"

// A large file takes no more memory than a small one, on its way in, out, and
// from the middle.
func TestLargeFile(t *testing.T) {
	size := int64(48 << 20)
	if s := os.Getenv(largeMB); s != "" {
		mb, err := strconv.ParseInt(s, 10, 64)
		require.NoError(t, err)
		size = mb << 20
	}
	w := newWorld(t, "directory")
	ctx := t.Context()
	put(t, w.fa, "first.txt", "what is allocated once")
	heap := newHeapWatch()

	start := time.Now()
	f, err := w.fa.Create(ctx, files.Upload{Name: "large", Size: -1}, io.TeeReader(io.LimitReader(zeros{}, size), heap))
	require.NoError(t, err)
	in := time.Since(start)
	require.Equal(t, size, f.Size)

	r, err := w.fa.Open(ctx, f.ID)
	require.NoError(t, err)
	start = time.Now()
	digest := sha256.New()
	n, err := io.Copy(io.MultiWriter(digest, heap), r)
	require.NoError(t, err)
	out := time.Since(start)
	require.Equal(t, size, n)
	require.Equal(t, f.SHA256[:], digest.Sum(nil))

	start = time.Now()
	_, err = r.Seek(-size/2, io.SeekEnd)
	require.NoError(t, err)
	_, err = io.ReadFull(r, make([]byte, 1000))
	require.NoError(t, err)
	middle := time.Since(start)
	require.NoError(t, r.Close())
	perSecond := func(d time.Duration) float64 { return float64(size) / (1 << 20) / d.Seconds() }
	t.Logf("%d MiB: in at %.0f MiB/s, out at %.0f MiB/s (with a second SHA-256), a part from the middle in %s, heap grew by %.1f MiB at most",
		size>>20, perSecond(in), perSecond(out), middle, float64(heap.most)/(1<<20))
	require.Less(t, heap.most, int64(16<<20))
}

// heapWatch is a writer that looks at the heap now and then, after a collection,
// so that what counts is what is held.
type heapWatch struct {
	base, most int64
	passed     int64
	next       int64
}

func newHeapWatch() *heapWatch {
	return &heapWatch{base: held()}
}

func held() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func (h *heapWatch) Write(b []byte) (int, error) {
	h.passed += int64(len(b))
	if h.passed >= h.next {
		h.next = h.passed + 16<<20
		h.most = max(h.most, held()-h.base)
	}
	return len(b), nil
}
