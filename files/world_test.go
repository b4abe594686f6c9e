package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

var operator = tenancy.Actor{Email: "ops@example", Kind: tenancy.KindJob}

// world is two tenants whose files are in one bucket.
type world struct {
	*pgtest.Database
	admin  *pgxpool.Pool // past row-level security, to see what is really there
	db     *tenancy.DB
	sys    *crosstenant.DB
	kek    string // the path of the key file
	ring   *crypto.Ring
	dir    string       // of the bucket; empty in memory
	raw    *blob.Bucket // the bucket as who runs it sees it
	bucket *files.Bucket
	store  *files.Store

	a, b      tenancy.ID
	anna, bob tenancy.Scope // owners of a and b
	fa, fb    *files.Handle
}

// drivers are the two that every test of paths runs on.
var drivers = []string{"directory", "memory"}

func newWorld(t testing.TB, driver string, change ...func(*files.Config)) *world {
	t.Helper()
	w := &world{Database: pgtest.New(t)}
	ctx := t.Context()
	w.admin = w.Admin(t)
	var err error
	w.db, err = tenancy.Open(ctx, w.AppURL, tenancy.Config{Key: w.Key, Registry: accounts.Registry{}, Version: "v1"})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	w.sys, err = crosstenant.Open(ctx, w.SystemURL, crosstenant.Config{Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(w.sys.Close)
	w.kek = filepath.Join(t.TempDir(), "kek")
	_, err = crypto.CreateKeyFile(w.kek)
	require.NoError(t, err)
	w.ring, err = openRing(w.db, w.kek)
	require.NoError(t, err)

	if driver == "memory" {
		w.raw = memblob.OpenBucket(nil)
		w.bucket, err = files.NewBucket(w.raw)
	} else {
		w.dir = filepath.Join(t.TempDir(), "bucket")
		w.bucket, err = files.OpenDir(w.dir)
		require.NoError(t, err)
		w.raw, err = fileblob.OpenBucket(w.dir, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.bucket.Close() })
	cfg := files.Config{DB: w.db, Ring: w.ring, Bucket: w.bucket, LinkKeys: []files.LinkKey{linkKey("k1")}}
	for _, fn := range change {
		fn(&cfg)
	}
	w.store, err = files.New(cfg)
	require.NoError(t, err)

	w.a, w.anna = w.tenant(t, "Alpha", "anna@alpha.example")
	w.b, w.bob = w.tenant(t, "Beta", "bob@beta.example")
	w.fa, w.fb = w.store.For(w.anna), w.store.For(w.bob)
	return w
}

// openRing returns a ring over the key store of db, as another process has it.
func openRing(db *tenancy.DB, kekPath string) (*crypto.Ring, error) {
	kek, err := crypto.OpenKeyFile(kekPath)
	if err != nil {
		return nil, err
	}
	store, err := keystore.New(db)
	if err != nil {
		return nil, err
	}
	return crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{kek}})
}

func linkKey(id string) files.LinkKey {
	return files.LinkKey{ID: id, Key: crypto.NewSecret(bytes.Repeat([]byte(id), 32))}
}

// run is one cross-tenant transaction.
func (w *world) run(t testing.TB, fn func(context.Context, *crosstenant.Conn) error) {
	t.Helper()
	require.NoError(t, w.sys.Run(t.Context(), operator, "test", fn))
}

func (w *world) tenant(t testing.TB, name, email string) (id tenancy.ID, owner tenancy.Scope) {
	t.Helper()
	var user uuid.UUID
	w.run(t, func(ctx context.Context, c *crosstenant.Conn) (err error) {
		id, user, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{Email: email})
		return err
	})
	owner, err := w.db.Admit(t.Context(), tenancy.Actor{UserID: user, Email: email}, id)
	require.NoError(t, err)
	return id, owner
}

// put keeps a file.
func put(t testing.TB, h *files.Handle, name, text string) files.File {
	t.Helper()
	f, err := h.Create(t.Context(), files.Upload{Name: name, ContentType: "text/plain", Size: int64(len(text))}, bytes.NewReader([]byte(text)))
	require.NoError(t, err)
	return f
}

// get reads a file to its end.
func get(t testing.TB, h *files.Handle, id uuid.UUID) (string, error) {
	t.Helper()
	r, err := h.Open(t.Context(), id)
	if err != nil {
		return "", err
	}
	defer func() { require.NoError(t, r.Close()) }()
	b, err := io.ReadAll(r)
	return string(b), err
}

// object is the key in the bucket.
func (w *world) object(t testing.TB, id uuid.UUID) string {
	t.Helper()
	var key string
	require.NoError(t, w.admin.QueryRow(t.Context(), `select tenant_id || '/' || object from watertight.files where id = $1`, id).Scan(&key))
	return key
}

// objects are all keys in the bucket.
func (w *world) objects(t testing.TB) []string {
	t.Helper()
	var keys []string
	it := w.raw.List(nil)
	for {
		o, err := it.Next(t.Context())
		if err == io.EOF {
			return keys
		}
		require.NoError(t, err)
		keys = append(keys, o.Key)
	}
}

// names are those of a tenant's files.
func names(t testing.TB, h *files.Handle) []string {
	t.Helper()
	var list []string
	for f, err := range h.All(t.Context()) {
		require.NoError(t, err)
		list = append(list, f.Name)
	}
	return list
}

func readAll(r io.Reader) (string, error) {
	b, err := io.ReadAll(r)
	return string(b), err
}

func errorsIsAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
