package files_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/tenancy"
)

// download asks for a link as the given scope.
func download(w *world, scope tenancy.Scope, token string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/files/"+token, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	files.LinkHandler(w.store, func(context.Context) tenancy.Scope { return scope }).ServeHTTP(rec, r)
	return rec
}

func TestDownloadByLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory")
	ctx := t.Context()
	text := strings.Repeat("0123456789", 20_000) // three chunks and a bit
	f, err := w.fa.Create(ctx, files.Upload{Name: "Smlouva č. 1 \u201efinal\u201c; v2.html", ContentType: "text/html", Size: -1}, strings.NewReader(text))
	require.NoError(t, err)
	token, expires, err := w.fa.Link(ctx, f.ID, 0)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(files.DefaultLinkTTL), expires, time.Minute)

	rec := download(w, w.anna, token)
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, text, rec.Body.String())
	h := rec.Header()
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	require.Contains(t, h.Get("Content-Security-Policy"), "sandbox")
	require.Equal(t, "private, no-store", h.Get("Cache-Control"))
	require.True(t, strings.HasPrefix(h.Get("Content-Disposition"), "attachment; filename*=utf-8''Smlouva%20"), h.Get("Content-Disposition"))

	for spec, want := range map[string]string{
		"bytes=0-9": text[:10], "bytes=65530-65545": text[65530:65546], "bytes=131072-131072": text[131072:131073],
		"bytes=-5": text[len(text)-5:], "bytes=199999-": text[199999:], "bytes=100000-": text[100000:],
	} {
		rec := download(w, w.anna, token, "Range", spec)
		require.Equal(t, http.StatusPartialContent, rec.Code, spec)
		require.Equal(t, want, rec.Body.String(), spec)
	}
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, download(w, w.anna, token, "Range", "bytes=200000-").Code)
	require.Equal(t, http.StatusNotModified, download(w, w.anna, token, "If-None-Match", h.Get("ETag")).Code)

	var events int
	require.NoError(t, w.admin.QueryRow(ctx, `select count(*) from watertight.audit_event where action = 'file.downloaded'
		and tenant_id = $1 and entity_id = $2 and actor_email = 'anna@alpha.example'`, w.a, f.ID.String()).Scan(&events))
	require.Equal(t, 9, events)

	require.NoError(t, w.fa.Delete(ctx, f.ID))
	require.Equal(t, http.StatusNotFound, download(w, w.anna, token).Code)
}

// A link is good for its tenant and its account, as it is and until it expires.
func TestLinksThatAreRefused(t *testing.T) {
	t.Parallel()
	var refusals []tenancy.ID
	w := newWorld(t, "memory")
	db, err := tenancy.Open(t.Context(), w.AppURL, tenancy.Config{
		Key: w.Key, Registry: accounts.Registry{}, Version: "v1",
		Refused: func(_ context.Context, r tenancy.Refusal) { refusals = append(refusals, r.Tenant) },
	})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	ctx := t.Context()
	f, g := put(t, w.fa, "a.txt", "Alpha's"), put(t, w.fa, "g.txt", "Alpha's other")
	fb := put(t, w.fb, "b.txt", "Beta's")
	token, _, err := w.fa.Link(ctx, f.ID, 0)
	require.NoError(t, err)
	ok := func(what string) {
		t.Helper()
		require.Equal(t, "Alpha's", download(w, w.anna, token).Body.String(), what)
	}
	no := func(scope tenancy.Scope, token, what string) {
		t.Helper()
		rec := download(w, scope, token)
		require.Equal(t, http.StatusForbidden, rec.Code, what)
		require.Equal(t, files.ErrLink.Error()+"\n", rec.Body.String(), "the answer is always the same")
	}
	ok("the control")

	// Another tenant, another account of the tenant, nobody, a job.
	no(w.bob, token, "the other tenant")
	carl := uuid.New()
	require.NoError(t, accounts.AddUser(ctx, w.db, w.anna, carl, "carl@alpha.example", "Carl", tenancy.RoleAdmin))
	carls, err := w.db.Admit(ctx, tenancy.Actor{UserID: carl}, w.a)
	require.NoError(t, err)
	no(carls, token, "the other account")
	require.Equal(t, http.StatusUnauthorized, download(w, tenancy.Scope{}, token).Code)
	job, err := w.db.AdmitJob(ctx, w.a, "test")
	require.NoError(t, err)
	no(job, token, "a job")
	_, _, err = w.store.For(job).Link(ctx, f.ID, 0)
	require.ErrorContains(t, err, "account")
	// The person of both tenants, in the wrong one.
	require.NoError(t, accounts.AddUser(ctx, w.db, w.bob, w.anna.Actor().UserID, "anna@beta.example", "Anna", tenancy.RoleAdmin))
	annaInB, err := w.db.Admit(ctx, tenancy.Actor{UserID: w.anna.Actor().UserID}, w.b)
	require.NoError(t, err)
	no(annaInB, token, "the same person in another tenant")

	// Each field changed, each bit of each byte, each truncation.
	head, body := token[:strings.LastIndexByte(token, '.')+1], token[strings.LastIndexByte(token, '.')+1:]
	raw, err := base64.RawURLEncoding.DecodeString(body)
	require.NoError(t, err)
	with := func(at int, b []byte) string {
		c := append([]byte{}, raw...)
		copy(c[at:], b)
		return head + base64.RawURLEncoding.EncodeToString(c)
	}
	for what, bad := range map[string]string{
		"tenant": with(0, w.b.UUID().NodeID()), "whole tenant": with(0, uuidBytes(w.b.UUID())), "file": with(16, uuidBytes(g.ID)),
		"another tenant's file": with(16, uuidBytes(fb.ID)), "account": with(32, uuidBytes(carl)), "expiry": with(48, []byte{0, 0, 0, 0, 0xff}),
		"version": "l2." + token[3:], "key": strings.Replace(token, ".k1.", ".k2.", 1), "no key": strings.Replace(token, ".k1.", "..", 1),
		"empty": "", "a dot": ".", "padding": token + "=", "longer": token + "AAAA", "space": token + "%20",
	} {
		for _, scope := range []tenancy.Scope{w.anna, w.bob, carls} {
			no(scope, bad, what)
		}
	}
	for i := range raw {
		no(w.anna, with(i, []byte{raw[i] ^ 1}), "a bit")
	}
	for i := range token {
		no(w.anna, token[:i], "cut off")
	}
	// The last character has bits that do not count; one spelling only is good.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, c := range alphabet {
		if bad := token[:len(token)-1] + string(c); bad != token {
			no(w.anna, bad, "another spelling")
		}
	}
	for _, ttl := range []time.Duration{-1, time.Millisecond, files.MaxLinkTTL + 1} {
		_, _, err := w.fa.Link(ctx, f.ID, ttl)
		require.ErrorContains(t, err, "out of range")
	}
	_, _, err = w.fa.Link(ctx, fb.ID, 0)
	require.ErrorIs(t, err, files.ErrNotFound)
	ok("the control, again")

	// An attempt with another tenant's link is a refusal for the record.
	other, err := files.New(files.Config{DB: db, Ring: w.ring, Bucket: w.bucket, LinkKeys: []files.LinkKey{linkKey("k1")}})
	require.NoError(t, err)
	bob, err := db.Admit(ctx, tenancy.Actor{UserID: w.bob.Actor().UserID}, w.b)
	require.NoError(t, err)
	rec := httptest.NewRecorder()
	files.LinkHandler(other, func(context.Context) tenancy.Scope { return bob }).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/files/"+token, nil))
	require.Equal(t, http.StatusForbidden, rec.Code)
	require.Equal(t, []tenancy.ID{w.a}, refusals)
	rec = httptest.NewRecorder()
	files.LinkHandler(other, func(context.Context) tenancy.Scope { return bob }).ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/files/"+token, nil))
	require.Equal(t, http.StatusMethodNotAllowed, rec.Code)
}

func uuidBytes(id uuid.UUID) []byte { return id[:] }

func TestLinksExpireAndKeysRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	f := put(t, w.fa, "a.txt", "Alpha's")
	now := time.Now()
	files.SetClock(w.store, func() time.Time { return now })
	token, expires, err := w.fa.Link(ctx, f.ID, time.Minute)
	require.NoError(t, err)
	now = expires.Add(-time.Nanosecond)
	require.Equal(t, http.StatusOK, download(w, w.anna, token).Code)
	now = expires
	require.Equal(t, http.StatusForbidden, download(w, w.anna, token).Code)
	now = expires.Add(-files.MaxLinkTTL - time.Second)
	require.Equal(t, http.StatusForbidden, download(w, w.anna, token).Code, "a clock that was set back does not make it live longer")
	now = time.Now()

	with := func(keys ...files.LinkKey) *world {
		c := *w
		c.store, err = files.New(files.Config{DB: w.db, Ring: w.ring, Bucket: w.bucket, LinkKeys: keys})
		require.NoError(t, err)
		return &c
	}
	token, _, err = w.fa.Link(ctx, f.ID, 0)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, download(with(linkKey("k2"), linkKey("k1")), w.anna, token).Code)
	require.Equal(t, http.StatusForbidden, download(with(linkKey("k2")), w.anna, token).Code)
	require.Equal(t, http.StatusForbidden, download(with(), w.anna, token).Code)
	imposter := linkKey("k2")
	imposter.ID = "k1"
	require.Equal(t, http.StatusForbidden, download(with(imposter), w.anna, token).Code)
	_, _, err = with().store.For(w.anna).Link(ctx, f.ID, 0)
	require.ErrorContains(t, err, "LinkKeys")
	for _, bad := range [][]files.LinkKey{
		{{ID: "", Key: linkKey("k").Key}}, {{ID: "a.b", Key: linkKey("k").Key}}, {linkKey("k1"), linkKey("k1")}, {{ID: "k", Key: crypto.SecretString("short")}},
	} {
		_, err := files.New(files.Config{DB: w.db, Ring: w.ring, Bucket: w.bucket, LinkKeys: bad})
		require.ErrorContains(t, err, "link key")
	}
}

// What was changed in the bucket ends the response before the wrong part.
func TestDownloadOfChangedContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	text := strings.Repeat("0123456789", 20_000)
	f := put(t, w.fa, "a.txt", text)
	key := w.object(t, f.ID)
	sealed, err := w.raw.ReadAll(ctx, key)
	require.NoError(t, err)
	sealed[40+2*(65536+28)+100] ^= 1
	require.NoError(t, w.raw.WriteAll(ctx, key, sealed, nil))
	token, _, err := w.fa.Link(ctx, f.ID, 0)
	require.NoError(t, err)

	srv := httptest.NewServer(files.LinkHandler(w.store, func(context.Context) tenancy.Scope { return w.anna }))
	defer srv.Close()
	res, err := http.Get(srv.URL + "/files/" + token)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	got, err := readAll(res.Body)
	require.Error(t, err, "the client notices")
	require.True(t, strings.HasPrefix(text, got) && len(got) <= 2*65536, "%d bytes", len(got))
	rec := download(w, w.anna, token, "Range", "bytes=140000-140010")
	require.Empty(t, rec.Body.String())
}
