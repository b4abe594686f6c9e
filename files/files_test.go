package files_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/tenancy"
)

func TestFilesOfATenant(t *testing.T) {
	t.Parallel()
	for _, driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, driver)
			ctx := t.Context()
			text := strings.Repeat("Alpha's contract. ", 10_000)
			f := put(t, w.fa, "contract.txt", text)
			require.Equal(t, int64(len(text)), f.Size)
			require.Equal(t, sha256.Sum256([]byte(text)), f.SHA256)
			require.Equal(t, w.anna.Actor().UserID, f.CreatedBy)

			same, err := w.fa.Stat(ctx, f.ID)
			require.NoError(t, err)
			require.True(t, f.CreatedAt.Equal(same.CreatedAt))
			same.CreatedAt = f.CreatedAt
			require.Equal(t, f, same)
			got, err := get(t, w.fa, f.ID)
			require.NoError(t, err)
			require.Equal(t, text, got)
			require.Equal(t, []string{"contract.txt"}, names(t, w.fa))
			sealed, err := w.raw.ReadAll(ctx, w.object(t, f.ID))
			require.NoError(t, err)
			require.Len(t, sealed, int(f.SealedSize))
			require.NotContains(t, string(sealed), "contract")

			// The other tenant sees nothing of it.
			require.Empty(t, names(t, w.fb))
			_, err = w.fb.Stat(ctx, f.ID)
			require.ErrorIs(t, err, files.ErrNotFound)
			_, err = get(t, w.fb, f.ID)
			require.ErrorIs(t, err, files.ErrNotFound)
			require.ErrorIs(t, w.fb.Rename(ctx, f.ID, "mine.txt"), files.ErrNotFound)
			require.ErrorIs(t, w.fb.Delete(ctx, f.ID), files.ErrNotFound)

			require.NoError(t, w.fa.Rename(ctx, f.ID, "old contract.txt"))
			require.Equal(t, []string{"old contract.txt"}, names(t, w.fa))
			require.NoError(t, w.fa.Delete(ctx, f.ID))
			require.Empty(t, names(t, w.fa))
			require.Empty(t, w.objects(t))
			require.ErrorIs(t, w.fa.Delete(ctx, f.ID), files.ErrNotFound)
			space, err := w.fa.Space(ctx)
			require.NoError(t, err)
			require.Equal(t, files.Space{MaxBytes: -1, MaxFiles: -1}, space)
		})
	}
}

// A handle without a scope, or of another database, does nothing.
func TestHandleWithoutScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	var none *files.Handle
	for _, h := range []*files.Handle{none, {}, w.store.For(tenancy.Scope{})} {
		_, err := h.Create(ctx, files.Upload{Name: "a"}, strings.NewReader(""))
		require.ErrorIs(t, err, tenancy.ErrNoTenant)
		_, err = h.Open(ctx, uuid.New())
		require.ErrorIs(t, err, tenancy.ErrNoTenant)
		_, _, err = h.List(ctx, files.ListOptions{})
		require.ErrorIs(t, err, tenancy.ErrNoTenant)
		_, err = h.DeleteAll(ctx)
		require.ErrorIs(t, err, tenancy.ErrNoTenant)
		_, err = h.Sweep(ctx, files.MinGrace)
		require.ErrorIs(t, err, tenancy.ErrNoTenant)
	}
	require.Empty(t, w.objects(t))
}

// A viewer reads, and Postgres refuses him everything else.
func TestViewerOnlyReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	f := put(t, w.fa, "a.txt", "text")
	carl := uuid.New()
	require.NoError(t, accounts.AddUser(ctx, w.db, w.anna, carl, "carl@alpha.example", "Carl", tenancy.RoleViewer))
	scope, err := w.db.Admit(ctx, tenancy.Actor{UserID: carl}, w.a)
	require.NoError(t, err)
	viewer := w.store.For(scope)
	got, err := get(t, viewer, f.ID)
	require.NoError(t, err)
	require.Equal(t, "text", got)
	token, _, err := viewer.Link(ctx, f.ID, 0)
	require.NoError(t, err)
	require.Equal(t, "text", download(w, scope, token).Body.String(), "the event is written all the same")
	_, err = viewer.Create(ctx, files.Upload{Name: "b.txt"}, strings.NewReader(""))
	require.ErrorContains(t, err, "read-only")
	require.ErrorContains(t, viewer.Delete(ctx, f.ID), "read-only")
	require.ErrorContains(t, viewer.Rename(ctx, f.ID, "c"), "read-only")
	require.Len(t, w.objects(t), 1)
}

func TestListByPrefixAndPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	for _, name := range []string{"b.txt", "a.txt", "a.txt", "A.txt", "a", "ab.txt", "ä.txt", "c.txt"} {
		put(t, w.fa, name, name)
	}
	put(t, w.fb, "a of beta", "x")
	require.Equal(t, []string{"A.txt", "a", "a.txt", "a.txt", "ab.txt", "b.txt", "c.txt", "ä.txt"}, names(t, w.fa))
	for prefix, want := range map[string]int{"": 8, "a": 4, "a.": 2, "a.txt": 2, "ä": 1, "z": 0, "%": 0, "a_": 0, "\U0010FFFF": 0} {
		seen := make(map[uuid.UUID]bool)
		o := files.ListOptions{Prefix: prefix, Limit: 1}
		for {
			list, next, err := w.fa.List(ctx, o)
			require.NoError(t, err)
			for _, f := range list {
				require.True(t, strings.HasPrefix(f.Name, prefix))
				require.False(t, seen[f.ID], "twice")
				seen[f.ID] = true
			}
			if next == (files.Cursor{}) {
				break
			}
			o.After = next
		}
		require.Len(t, seen, want, prefix)
	}
	for _, o := range []files.ListOptions{{Limit: -1}, {Limit: 1001}, {Prefix: "a\x00"}, {Prefix: "\xff"}, {Prefix: strings.Repeat("a", 300)}} {
		_, _, err := w.fa.List(ctx, o)
		require.Error(t, err)
	}
}

// An upload that fails, for whatever reason, leaves nothing.
func TestUploadThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory", func(c *files.Config) { c.MaxSize = 1 << 20 })
	broken := errors.New("the client went away")
	cases := map[string]struct {
		upload files.Upload
		r      io.Reader
		want   error
	}{
		"shorter than said":        {files.Upload{Name: "a", Size: 5}, strings.NewReader("four"), files.ErrSize},
		"longer than said":         {files.Upload{Name: "a", Size: 3}, strings.NewReader("four"), files.ErrSize},
		"endless, and said short":  {files.Upload{Name: "a", Size: 3}, zeros{}, files.ErrSize},
		"longer than it may":       {files.Upload{Name: "a", Size: -1}, io.LimitReader(zeros{}, 1<<20+1), files.ErrTooLarge},
		"said to be too long":      {files.Upload{Name: "a", Size: 1<<20 + 1}, zeros{}, files.ErrTooLarge},
		"a size below nothing":     {files.Upload{Name: "a", Size: -2}, strings.NewReader(""), files.ErrSize},
		"broken off":               {files.Upload{Name: "a", Size: -1}, io.MultiReader(io.LimitReader(zeros{}, 200_000), errorReader{broken}), broken},
		"no type":                  {files.Upload{Name: "a", ContentType: "pdf"}, strings.NewReader(""), files.ErrContentType},
		"a type with another line": {files.Upload{Name: "a", ContentType: "text/plain; a=\"\r\nSet-Cookie: x\""}, strings.NewReader(""), files.ErrContentType},
		"no name":                  {files.Upload{}, strings.NewReader(""), files.ErrName},
	}
	for name, c := range cases {
		_, err := w.fa.Create(t.Context(), c.upload, c.r)
		require.ErrorIs(t, err, c.want, name)
	}
	var rows int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from watertight.files`).Scan(&rows))
	require.Zero(t, rows)
	require.Empty(t, w.objects(t))
	space, err := w.fa.Space(t.Context())
	require.NoError(t, err)
	require.Zero(t, space.Bytes+space.Files)

	// The control, at the limit, with and without a size.
	for _, size := range []int64{1 << 20, -1} {
		f, err := w.fa.Create(t.Context(), files.Upload{Name: "a", Size: size}, io.LimitReader(zeros{}, 1<<20))
		require.NoError(t, err)
		got, err := get(t, w.fa, f.ID)
		require.NoError(t, err)
		require.True(t, bytes.Equal(make([]byte, 1<<20), []byte(got)))
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory")
	ctx := t.Context()
	f := put(t, w.fa, "a.txt", "content")
	_, err := w.fa.Restore(ctx, f, strings.NewReader("content"))
	require.ErrorIs(t, err, files.ErrExists)
	require.NoError(t, w.fa.Delete(ctx, f.ID))

	wrong := f
	wrong.SHA256[0] ^= 1
	_, err = w.fa.Restore(ctx, wrong, strings.NewReader("content"))
	require.ErrorIs(t, err, files.ErrDigest)
	_, err = w.fa.Restore(ctx, files.File{Name: "a"}, strings.NewReader(""))
	require.ErrorContains(t, err, "id")

	// What a killed upload left behind under the id is in nobody's way.
	_, err = w.admin.Exec(ctx, `insert into watertight.files (tenant_id, id, object, name, content_type, size) values ($1, $2, $3, 'half', 'text/plain', 99)`,
		w.a, f.ID, uuid.New())
	require.NoError(t, err)
	again, err := w.fa.Restore(ctx, f, strings.NewReader("content"))
	require.NoError(t, err)
	require.Equal(t, f, again)
	got, err := get(t, w.fa, f.ID)
	require.NoError(t, err)
	require.Equal(t, "content", got)
	// The same id in another tenant is another file.
	_, err = w.fb.Restore(ctx, f, strings.NewReader("content"))
	require.NoError(t, err)
	require.NoError(t, w.fb.Delete(ctx, f.ID))
	got, err = get(t, w.fa, f.ID)
	require.NoError(t, err)
	require.Equal(t, "content", got)
	space, err := w.fa.Space(ctx)
	require.NoError(t, err)
	require.Equal(t, files.Space{Bytes: 7, Files: 1, MaxBytes: -1, MaxFiles: -1}, space)
}

// Of two uploads under one id the one that began last is the file, and the
// other hears that it is not.
func TestTwoUploadsOfOneID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory")
	ctx := t.Context()
	f := put(t, w.fa, "a.txt", "content")
	require.NoError(t, w.fa.Delete(ctx, f.ID))
	f.SHA256 = [32]byte{}
	_, err := w.fa.Restore(ctx, f, &during{rest: strings.NewReader("slower!"), fn: func() {
		_, err := w.fa.Restore(ctx, f, strings.NewReader("content"))
		require.NoError(t, err)
	}})
	require.ErrorIs(t, err, files.ErrOvertaken)
	got, err := get(t, w.fa, f.ID)
	require.NoError(t, err)
	require.Equal(t, "content", got)

	// Also while the other has not ended yet.
	require.NoError(t, w.fa.Delete(ctx, f.ID))
	begun, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error)
	_, err = w.fa.Restore(ctx, f, &during{rest: strings.NewReader("slower!"), fn: func() {
		go func() {
			_, err := w.fa.Restore(ctx, f, &during{rest: strings.NewReader("content"), fn: func() { close(begun); <-goOn }})
			done <- err
		}()
		<-begun
	}})
	require.ErrorIs(t, err, files.ErrOvertaken)
	require.Empty(t, names(t, w.fa))
	close(goOn)
	require.NoError(t, <-done)
	got, err = get(t, w.fa, f.ID)
	require.NoError(t, err)
	require.Equal(t, "content", got)
}

// The middle of a file that was cut off behind it is not given out either.
func TestMiddleOfACutFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	f, err := w.fa.Create(ctx, files.Upload{Name: "a", Size: 300_000}, io.LimitReader(zeros{}, 300_000))
	require.NoError(t, err)
	middle := func() error {
		r, err := w.fa.Open(ctx, f.ID)
		if err != nil {
			return err
		}
		defer func() { require.NoError(t, r.Close()) }()
		_, err = r.Seek(70_000, io.SeekStart)
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 10))
		return err
	}
	require.NoError(t, middle(), "the control")
	sealed, err := w.raw.ReadAll(ctx, w.object(t, f.ID))
	require.NoError(t, err)
	require.NoError(t, w.raw.WriteAll(ctx, w.object(t, f.ID), sealed[:40+3*(65536+28)], nil))
	require.ErrorIs(t, middle(), files.ErrCorrupt)
}

// Every change of a file leaves an event, and no event shows a key.
func TestChangesLeaveEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	f := put(t, w.fa, "a.txt", "content")
	require.NoError(t, w.fa.Rename(ctx, f.ID, "b.txt"))
	require.NoError(t, w.fa.Delete(ctx, f.ID))
	rows, err := w.admin.Query(ctx, `select op || ' ' || action || ' ' || diff::text from watertight.audit_event
		where entity = 'watertight.files' and entity_id = $1 and tenant_id = $2 and actor_email = 'anna@alpha.example' order by id`, f.ID.String(), w.a)
	require.NoError(t, err)
	defer rows.Close()
	var events []string
	for rows.Next() {
		var e string
		require.NoError(t, rows.Scan(&e))
		events = append(events, e)
	}
	require.NoError(t, rows.Err())
	require.Len(t, events, 5, fmt.Sprint(events))
	require.Contains(t, events[0], "i BeginFile")
	require.Contains(t, events[0], `"name":[null,"a.txt"]`)
	require.Contains(t, events[1], `u FinishFile`)
	require.Contains(t, events[1], `"sealed":[null,"***"]`)
	require.Contains(t, events[2], `"name":["a.txt","b.txt"]`)
	require.Contains(t, events[3], `"state":["ready","deleting"]`)
	require.Contains(t, events[4], "d RemoveFile")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
