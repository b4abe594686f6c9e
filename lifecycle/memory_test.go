package lifecycle

import (
	"bytes"
	"context"
	"io"
	"iter"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

// bigWorld is a database with a tenant that has n rows in one table. They leave
// no events: the log would be the greater part of the work.
func bigWorld(t testing.TB, n int, files Files) (*DB, tenancy.ID) {
	t.Helper()
	d := pgtest.New(t, pgtest.Config{Setup: []string{`
		create schema app;
		create table app.big (tenant_id uuid not null, id bigint not null, name text, amount numeric, at timestamptz, primary key (tenant_id, id));
		select watertight.protect('app.big');`}})
	admin := d.Admin(t)
	id := tenancy.NewID()
	for _, sql := range []string{
		"drop event trigger watertight_protected", "drop event trigger watertight_audit_trigger",
		"alter table app.big disable trigger watertight_audit",
	} {
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	_, err := admin.Exec(t.Context(), "insert into watertight.tenants (id, name) values ($1, 'Big')", id)
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), "insert into app.big select $1, n, 'customer number ' || n || repeat(' x', 40), n * 1.01, '2026-01-01'::timestamptz + n * interval '1s' from generate_series(1, $2::int) n", id, n)
	require.NoError(t, err)
	_, url := d.Login(t, "in role watertight_lifecycle")
	db, err := Open(t.Context(), url, Config{Key: d.Key, Version: "test", Files: files})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db, id
}

// peak is the greatest heap that is in use while a run tells its progress.
type peak struct{ base, most uint64 }

func (p *peak) start() {
	p.base, p.most = live(), 0
}

func (p *peak) see(Progress) {
	if h := live(); h > p.base {
		p.most = max(p.most, h-p.base)
	}
}

func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Not parallel: the heap is that of the whole process.
func TestMemoryDoesNotGrowWithTheTenant(t *testing.T) {
	db, id := bigWorld(t, 120_000, nil) // 24 MB of lines
	measure(t, db, id, func(what string, most uint64, bytes int64) {
		require.Greater(t, bytes, int64(20<<20))
		require.Less(t, most, uint64(8<<20), what)
	})
}

// measure exports and imports a tenant and reports the heap of each.
func measure(t testing.TB, db *DB, id tenancy.ID, report func(what string, most uint64, bytes int64)) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "bundle")
	require.NoError(t, err)
	defer file.Close()
	var p peak
	p.start()
	out, err := db.Export(t.Context(), operator, id, sparse{file}, ExportConfig{Progress: p.see})
	require.NoError(t, err)
	size, err := file.Seek(0, io.SeekCurrent)
	require.NoError(t, err)
	require.NoError(t, file.Truncate(size)) // also where it ends in a hole
	report("export", p.most, size)
	_, err = db.ScheduleErasure(t.Context(), operator, id, ErasureConfig{Reason: "for the test", Now: true})
	require.NoError(t, err)
	_, err = db.Erase(t.Context(), operator, id)
	require.NoError(t, err)
	p.start()
	_, err = db.Import(t.Context(), operator, file, ImportConfig{AfterErasure: true, Digest: out.Digest, Progress: p.see})
	require.NoError(t, err)
	report("import", p.most, size)
}

// One million rows out, erased and in again. Run with -benchtime 1x.
func BenchmarkMillionRows(b *testing.B) {
	for b.Loop() {
		db, id := bigWorld(b, 1_000_000, nil)
		b.ResetTimer()
		measure(b, db, id, func(what string, most uint64, bytes int64) {
			b.ReportMetric(float64(most)/(1<<20), what+"-MiB-heap")
			b.ReportMetric(float64(bytes)/(1<<20), "MiB-bundle")
		})
	}
}

// One file of five gigabytes, of zeros that nobody stores, out, erased and in
// again. Run with -benchtime 1x.
func BenchmarkFiveGigabytes(b *testing.B) {
	for b.Loop() {
		db, id := bigWorld(b, 1, zeros(5<<30))
		b.ResetTimer()
		measure(b, db, id, func(what string, most uint64, bytes int64) {
			require.Greater(b, bytes, int64(5<<30))
			b.ReportMetric(float64(most)/(1<<20), what+"-MiB-heap")
		})
	}
}

// sparse writes a file with holes where zeros are.
type sparse struct{ file *os.File }

func (s sparse) Write(b []byte) (int, error) {
	if bytes.Count(b, []byte{0}) < len(b) {
		return s.file.Write(b)
	}
	_, err := s.file.Seek(int64(len(b)), io.SeekCurrent)
	return len(b), err
}

// zeros is a store with one file of that many bytes.
type zeros int64

func (z zeros) List(context.Context, tenancy.ID) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) { yield(File{"big", int64(z)}, nil) }
}

func (z zeros) Open(context.Context, tenancy.ID, string) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zero{}, int64(z))), nil
}

func (zeros) Create(_ context.Context, _ tenancy.ID, _ File, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
func (zeros) DeleteAll(context.Context, tenancy.ID) error { return nil }

type zero struct{}

func (zero) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
