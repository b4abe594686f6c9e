package files_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func (w *world) quota(t *testing.T, maxBytes, maxFiles int64) {
	t.Helper()
	w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		return files.SetQuota(ctx, c, w.a, maxBytes, maxFiles)
	})
}

// Twenty uploads at once, of a size that was said and of one that was not, get
// as much room together as there is.
func TestQuotaUnderConcurrency(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]bool{"size said": true, "size unknown": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "memory")
			const each, room = 100_000, 7
			w.quota(t, room*each+each/2, -1)
			kept, full := w.upload20(t, each, said)
			// Uploads of unknown size may refuse each other while each holds a
			// part of the room that neither can use.
			require.LessOrEqual(t, kept, room)
			if said {
				require.Equal(t, room, kept)
			}
			require.Equal(t, 20, kept+full)
			space, err := w.fa.Space(t.Context())
			require.NoError(t, err)
			require.Equal(t, files.Space{Bytes: int64(kept * each), Files: int64(kept), MaxBytes: room*each + each/2, MaxFiles: -1}, space)
			require.Len(t, names(t, w.fa), kept)
			require.Len(t, w.objects(t), kept)

			// The other tenant has its own room, and what was refused fits after a delete.
			put(t, w.fb, "b.txt", strings.Repeat("b", 2*each))
			for f, err := range w.fa.All(t.Context()) {
				require.NoError(t, err)
				require.NoError(t, w.fa.Delete(t.Context(), f.ID))
			}
			put(t, w.fa, "fits.txt", strings.Repeat("a", room*each))
		})
	}
	t.Run("count", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "memory")
		w.quota(t, -1, 5)
		kept, full := w.upload20(t, 10, true)
		require.Equal(t, 5, kept)
		require.Equal(t, 15, full)
	})
}

func (w *world) upload20(t *testing.T, size int64, said bool) (kept, full int) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() {
			u := files.Upload{Name: "a", Size: -1}
			if said {
				u.Size = size
			}
			_, errs[i] = w.fa.Create(t.Context(), u, io.LimitReader(zeros{}, size))
		})
	}
	wg.Wait()
	for _, err := range errs {
		switch {
		case err == nil:
			kept++
		case errors.Is(err, files.ErrQuota):
			full++
		default:
			t.Error(err)
		}
	}
	return kept, full
}

// An upload of unknown size may use the room to its end, though it reserves in
// steps that are larger than what is left.
func TestUnknownSizeFillsTheRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	w.quota(t, 300_000, -1)
	_, err := w.fa.Create(t.Context(), files.Upload{Name: "a", Size: -1}, io.LimitReader(zeros{}, 300_001))
	require.ErrorIs(t, err, files.ErrQuota)
	_, err = w.fa.Create(t.Context(), files.Upload{Name: "a", Size: -1}, io.LimitReader(zeros{}, 300_000))
	require.NoError(t, err)
	_, err = w.fa.Create(t.Context(), files.Upload{Name: "empty"}, strings.NewReader(""))
	require.NoError(t, err)
	// A limit below what is kept refuses, and takes nothing away.
	w.quota(t, 1, -1)
	require.Len(t, names(t, w.fa), 2)
	_, err = w.fa.Create(t.Context(), files.Upload{Name: "b", Size: 1}, strings.NewReader("b"))
	require.ErrorIs(t, err, files.ErrQuota)
	for f := range w.fa.All(t.Context()) {
		require.NoError(t, w.fa.Delete(t.Context(), f.ID))
	}
	put(t, w.fa, "b", "b")
}

// The application counts, and sets no limit; and changes of a file only what
// is meant to change.
func TestWhatTheApplicationMayNotWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	w.quota(t, 1000, 10)
	f := put(t, w.fa, "a.txt", "text")
	c := w.db.For(w.anna)
	for _, sql := range []string{
		`update watertight.file_space set max_bytes = 1000000 where tenant_id = $1`,
		`update watertight.file_space set max_files = 1000000 where tenant_id = $1`,
		`delete from watertight.file_space where tenant_id = $1`,
		`update watertight.files set object = gen_random_uuid() where tenant_id = $1`,
		`update watertight.files set created_by = null where tenant_id = $1`,
		`update watertight.files set created_at = now() where tenant_id = $1`,
		`update watertight.files set id = gen_random_uuid() where tenant_id = $1`,
	} {
		_, err := c.Exec(t.Context(), sql, w.a)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, sql)
		require.Equal(t, "42501", pg.Code, sql)
	}
	_, err := c.Exec(t.Context(), `update watertight.files set sealed = $2 where tenant_id = $1`, w.a, []byte("not sealed"))
	require.ErrorContains(t, err, "sealed_sealed")
	_, err = c.Exec(t.Context(), `update watertight.files set name = 'the control' where tenant_id = $1 and id = $2`, w.a, f.ID)
	require.NoError(t, err)

	// A row that an import brings counts what follows it, not what it says.
	_, err = w.admin.Exec(t.Context(), `insert into watertight.file_space (tenant_id, bytes, files, max_files) values ($1, 5000, 70, 9)`, w.b)
	require.NoError(t, err)
	put(t, w.fb, "b.txt", "text")
	space, err := w.fb.Space(t.Context())
	require.NoError(t, err)
	require.Equal(t, files.Space{Bytes: 4, Files: 1, MaxBytes: -1, MaxFiles: 9}, space)
}
