package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

const day = 24 * time.Hour

func TestSweep(t *testing.T) {
	t.Parallel()
	for _, driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, driver)
			ctx := t.Context()
			kept := put(t, w.fa, "kept.txt", "kept")
			for range 3 { // around the others in the order of objects
				put(t, w.fa, "kept.txt", "kept")
			}
			lost := put(t, w.fa, "lost.txt", "lost")
			require.NoError(t, w.raw.Delete(ctx, w.object(t, lost.ID)))
			half := func(state, age string, there bool) (object string) {
				id := uuid.New()
				require.NoError(t, w.admin.QueryRow(ctx, `insert into watertight.files (tenant_id, id, object, name, content_type, size, state, state_at)
					values ($1, $2, $3, 'half.txt', 'text/plain', 10, $4, now() - $5::interval) returning tenant_id || '/' || object`,
					w.a, id, uuid.New(), state, age).Scan(&object))
				if there {
					require.NoError(t, w.raw.WriteAll(ctx, object, []byte("half"), nil))
				}
				return object
			}
			alive := half("uploading", "1 hour", true)
			half("uploading", "1 hour", false)
			half("uploading", "2 days", true)
			half("uploading", "2 days", false)
			half("deleting", "1 minute", true)
			half("deleting", "2 days", false)
			orphan := w.a.String() + "/" + uuid.NewString()
			require.NoError(t, w.raw.WriteAll(ctx, orphan, []byte("orphan"), nil))
			theirs := w.b.String() + "/" + uuid.NewString()
			require.NoError(t, w.raw.WriteAll(ctx, theirs, []byte("orphan"), nil))
			require.Len(t, names(t, w.fa), 5, "half a file shows nowhere")

			// The objects are young: what has no row may be an upload of this moment.
			swept, err := w.fa.Sweep(ctx, day)
			require.NoError(t, err)
			require.Equal(t, files.Swept{Uploads: 2, Deletions: 2}, swept)
			require.Contains(t, w.objects(t), orphan)

			// A day and an hour later.
			files.SetClock(w.store, func() time.Time { return time.Now().Add(day + time.Minute) })
			swept, err = w.fa.Sweep(ctx, day)
			require.NoError(t, err)
			require.Equal(t, files.Swept{Uploads: 2, Objects: 1, Missing: []uuid.UUID{lost.ID}}, swept)
			require.NotContains(t, w.objects(t), orphan)
			require.NotContains(t, w.objects(t), alive)
			require.Contains(t, w.objects(t), theirs)

			swept, err = w.fa.Sweep(ctx, day)
			require.NoError(t, err)
			require.Equal(t, files.Swept{Missing: []uuid.UUID{lost.ID}}, swept)
			got, err := get(t, w.fa, kept.ID)
			require.NoError(t, err)
			require.Equal(t, "kept", got)
			_, err = get(t, w.fa, lost.ID)
			require.ErrorIs(t, err, files.ErrCorrupt)
			space, err := w.fa.Space(ctx)
			require.NoError(t, err)
			require.Equal(t, int64(5), space.Files)
			_, err = w.fa.Sweep(ctx, time.Minute)
			require.ErrorContains(t, err, "grace")
		})
	}
}

// An upload that a sweep took for dead does not become a file.
func TestSweptUploadDoesNotCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory")
	ctx := t.Context()
	r := &during{rest: strings.NewReader("content"), fn: func() {
		_, err := w.admin.Exec(ctx, `update watertight.files set state_at = now() - interval '2 days'`)
		require.NoError(t, err)
		swept, err := w.fa.Sweep(ctx, day)
		require.NoError(t, err)
		require.Equal(t, 1, swept.Uploads)
	}}
	_, err := w.fa.Create(ctx, files.Upload{Name: "a.txt", Size: 7}, r)
	require.ErrorIs(t, err, files.ErrOvertaken)
	require.Empty(t, names(t, w.fa))
	// Its object was written after that, and is an orphan for the next sweep.
	files.SetClock(w.store, func() time.Time { return time.Now().Add(2 * day) })
	_, err = w.fa.Sweep(ctx, day)
	require.NoError(t, err)
	require.Empty(t, w.objects(t))
}

// A slow upload that is alive shows it, also when its room was reserved at once.
func TestSlowUploadIsAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory")
	ctx := t.Context()
	now := time.Now()
	files.SetClock(w.store, func() time.Time { return now })
	slow := &during{rest: strings.NewReader("tent"), fn: func() {
		_, err := w.admin.Exec(ctx, `update watertight.files set state_at = now() - interval '2 days'`)
		require.NoError(t, err)
		now = now.Add(files.MinGrace / 3)
	}}
	swept := &during{rest: strings.NewReader(""), fn: func() {
		s, err := w.fa.Sweep(ctx, files.MinGrace)
		require.NoError(t, err)
		require.Equal(t, files.Swept{}, s)
	}}
	f, err := w.fa.Create(ctx, files.Upload{Name: "a.txt", Size: 7}, io.MultiReader(strings.NewReader("con"), slow, swept))
	require.NoError(t, err)
	got, err := get(t, w.fa, f.ID)
	require.NoError(t, err)
	require.Equal(t, "content", got)
}

// during calls fn before the first byte.
type during struct {
	fn   func()
	rest io.Reader
}

func (d *during) Read(b []byte) (int, error) {
	if d.fn != nil {
		d.fn()
		d.fn = nil
	}
	return d.rest.Read(b)
}

// While an upload or a deletion is under way nothing of it shows.
func TestNothingHalfVisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory")
	ctx := t.Context()
	r := &during{rest: io.MultiReader(io.LimitReader(zeros{}, 300_000), &during{rest: strings.NewReader(""), fn: func() {
		require.Empty(t, names(t, w.fa))
		var id uuid.UUID
		require.NoError(t, w.admin.QueryRow(ctx, `select id from watertight.files`).Scan(&id))
		_, err := w.fa.Open(ctx, id)
		require.ErrorIs(t, err, files.ErrNotFound)
		require.ErrorIs(t, w.fa.Rename(ctx, id, "b"), files.ErrNotFound)
		require.ErrorIs(t, w.fa.Delete(ctx, id), files.ErrNotFound)
	}})}
	f, err := w.fa.Create(ctx, files.Upload{Name: "a", Size: -1}, r)
	require.NoError(t, err)
	require.Len(t, names(t, w.fa), 1)

	// The context ends in the middle.
	cancelled, cancel := context.WithCancel(ctx)
	_, err = w.fa.Create(cancelled, files.Upload{Name: "b", Size: -1}, io.MultiReader(io.LimitReader(zeros{}, 300_000), &during{rest: zeros{}, fn: cancel}))
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, w.objects(t), 1)

	// A deletion whose object cannot be deleted: out of sight at once, and the
	// second call ends it.
	folder := filepath.Join(w.dir, w.a.String())
	require.NoError(t, os.Rename(folder, folder+".away"))
	require.NoError(t, os.WriteFile(folder, nil, 0o600))
	require.ErrorIs(t, w.fa.Delete(ctx, f.ID), files.ErrKey)
	require.Empty(t, names(t, w.fa))
	require.NoError(t, os.Remove(folder))
	require.NoError(t, os.Rename(folder+".away", folder))
	require.NoError(t, w.fa.Delete(ctx, f.ID))
	require.Empty(t, w.objects(t))
}

func TestDeleteAllAndErase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory")
	ctx := t.Context()
	for i := range 12 {
		put(t, w.fa, fmt.Sprint(i), "content")
	}
	theirs := put(t, w.fb, "b", "Beta's")
	require.NoError(t, w.raw.WriteAll(ctx, w.a.String()+"/planted", []byte("x"), nil))
	n, err := w.fa.DeleteAll(ctx)
	require.NoError(t, err)
	require.Equal(t, 12, n)
	require.Len(t, w.objects(t), 1)
	n, err = w.fa.DeleteAll(ctx)
	require.NoError(t, err)
	require.Zero(t, n)

	// The platform's way, which asks for no scope but a handle across tenants.
	put(t, w.fa, "again", "content")
	var none *crosstenant.Conn
	for _, c := range []*crosstenant.Conn{none, {}} {
		_, err = w.store.EraseObjects(ctx, c, w.a)
		require.Error(t, err)
		_, err = w.store.CountObjects(ctx, c, w.a)
		require.Error(t, err)
	}
	require.Len(t, w.objects(t), 2)
	w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		_, err := w.store.EraseObjects(ctx, c, tenancy.ID{})
		require.ErrorIs(t, err, tenancy.ErrNoTenant)
		n, err := w.store.EraseObjects(ctx, c, w.a)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		n, err = w.store.CountObjects(ctx, c, w.a)
		require.Zero(t, n)
		return err
	})
	got, err := get(t, w.fb, theirs.ID)
	require.NoError(t, err)
	require.Equal(t, "Beta's", got)
}

// uploaderEnv tells this test binary to be a process that uploads, so that the
// test can kill it.
const uploaderEnv = "WATERTIGHT_TEST_UPLOADER"

func TestMain(m *testing.M) {
	if job := os.Getenv(uploaderEnv); job != "" {
		fmt.Fprintln(os.Stderr, uploadForEver(strings.Split(job, "\n")))
		os.Exit(1)
	}
	pgtest.Main(m)
}

func uploadForEver(job []string) error {
	ctx := context.Background()
	key, err1 := tenancy.ParseContextKey(job[1])
	t, err2 := tenancy.ParseID(job[2])
	user, err3 := uuid.Parse(job[3])
	bucket, err4 := files.OpenDir(job[4])
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	db, err := tenancy.Open(ctx, job[0], tenancy.Config{Key: key, Registry: accounts.Registry{}, Version: "v1"})
	if err != nil {
		return err
	}
	ring, err := openRing(db, job[5])
	if err != nil {
		return err
	}
	store, err := files.New(files.Config{DB: db, Ring: ring, Bucket: bucket})
	if err != nil {
		return err
	}
	scope, err := db.Admit(ctx, tenancy.Actor{UserID: user}, t)
	if err != nil {
		return err
	}
	endless := io.MultiReader(io.LimitReader(zeros{}, 20<<20), &during{rest: zeros{}, fn: func() { time.Sleep(time.Hour) }})
	_, err = store.For(scope).Create(ctx, files.Upload{Name: "endless", Size: -1}, endless)
	return err
}

// A process that is killed in the middle of an upload leaves nothing that
// shows, and a sweep takes away the rest.
func TestKilledUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory")
	kept := put(t, w.fa, "kept.txt", "kept")
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), uploaderEnv+"="+strings.Join([]string{
		w.AppURL, w.Key.Encode(), w.a.String(), w.anna.Actor().UserID.String(), w.dir, w.kek,
	}, "\n"))
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		var size int64
		_ = w.admin.QueryRow(t.Context(), `select size from watertight.files where state = 'uploading'`).Scan(&size)
		return size > 20<<20
	}, time.Minute, 20*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	require.Equal(t, []string{"kept.txt"}, names(t, w.fa))
	require.Len(t, w.objects(t), 2, "half an object was left")
	files.SetClock(w.store, func() time.Time { return time.Now().Add(2 * day) })
	swept, err := w.fa.Sweep(t.Context(), day)
	require.NoError(t, err)
	require.Equal(t, files.Swept{Uploads: 1, Objects: 1}, swept)
	require.Equal(t, []string{w.object(t, kept.ID)}, w.objects(t))
	space, err := w.fa.Space(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(4), space.Bytes)
}
