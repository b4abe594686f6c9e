package lifecycle

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// eraseNow erases a tenant at once.
func (w *world) eraseNow(t *testing.T, id tenancy.ID) {
	t.Helper()
	_, err := w.life.ScheduleErasure(t.Context(), operator, id, ErasureConfig{Reason: "contract ended", Now: true})
	require.NoError(t, err)
	_, err = w.life.Erase(t.Context(), operator, id)
	require.NoError(t, err)
}

func (w *world) importBundle(t *testing.T, bundle []byte, cfg ImportConfig) error {
	t.Helper()
	_, err := w.life.Import(t.Context(), operator, bytes.NewReader(bundle), cfg)
	return err
}

// The whole way round: what comes out of the second export is, byte for byte,
// what came out of the first; and nothing of the neighbour moved.
func TestExportEraseImportExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.digests(t, w.beta)
	first, out := w.export(t, w.alpha)
	w.eraseNow(t, w.alpha)
	for name, sum := range w.digests(t, w.alpha) {
		require.Equal(t, "0 ", sum, name)
	}
	require.Empty(t, w.files.m[w.alpha])

	err := w.importBundle(t, first, ImportConfig{})
	require.ErrorIs(t, err, ErrErased)
	require.NoError(t, w.importBundle(t, first, ImportConfig{AfterErasure: true, Digest: out.Digest}))
	second, _ := w.export(t, w.alpha)
	require.True(t, bytes.Equal(first, second), "the second export differs")
	require.Equal(t, neighbour, w.digests(t, w.beta))
	require.Len(t, w.files.m[w.beta], 3)

	// No event pretends that the rows were written by the import: the platform's
	// log has one, the tenant's begins with the export that came after.
	var actions []string
	require.NoError(t, w.admin.QueryRow(t.Context(), `select array_agg(action) from watertight.audit_event where tenant_id = $1`, w.alpha).Scan(&actions))
	require.Equal(t, []string{"watertight.exported"}, actions)
	var n int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from watertight.audit_event where action = 'watertight.imported' and entity_id = $1::text`, w.alpha).Scan(&n))
	require.Equal(t, 1, n)

	// Numbers go on behind those that were put back.
	_, err = w.admin.Exec(t.Context(), `insert into app.kinds (tenant_id) values ($1)`, w.alpha)
	require.NoError(t, err)
	_, err = w.admin.Exec(t.Context(), `insert into app.hen (tenant_id) values ($1)`, w.alpha)
	require.NoError(t, err)
}

func TestImportIntoAnotherDatabase(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	before := other.digests(t, other.beta)
	first, _ := w.export(t, w.alpha)
	require.NoError(t, other.importBundle(t, first, ImportConfig{}))
	require.Equal(t, before, other.digests(t, other.beta))
	second, _ := other.export(t, w.alpha)
	require.True(t, bytes.Equal(first, second))
}

func TestImportReportsConflictsBeforeItWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bundle, _ := w.export(t, w.alpha)
	before := w.digests(t, w.alpha)
	var conflict *ConflictError
	require.ErrorAs(t, w.importBundle(t, bundle, ImportConfig{}), &conflict)
	require.Contains(t, conflict.Rows, "app.kinds")
	require.Contains(t, conflict.Rows, "Own/s.t 39")
	w.exec(t, `alter table app.words add column more int`)
	w.exec(t, `select watertight.protect('app.words')`)
	require.ErrorAs(t, w.importBundle(t, bundle, ImportConfig{}), &conflict)
	require.Equal(t, []string{"app.words has other columns"}, conflict.Schema)
	after := w.digests(t, w.alpha)
	delete(before, "app.words")
	delete(after, "app.words")
	require.Equal(t, before, after)
}

// Every kind of damage is refused before anything is written.
func TestImportRefusesAChangedBundle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bundle, out := w.export(t, w.alpha)
	w.eraseNow(t, w.alpha)
	before := w.digests(t, w.beta)
	refused := func(name string, b []byte, cfg ImportConfig) {
		t.Helper()
		cfg.AfterErasure = true
		_, err := w.life.Import(t.Context(), operator, bytes.NewReader(b), cfg)
		require.ErrorIs(t, err, ErrBundle, name)
	}
	for n := 0; n < len(bundle); n += len(bundle) / 23 {
		refused("cut short", bundle[:n], ImportConfig{})
	}
	rewrite := func(change func(h *tar.Header, b []byte) []byte) []byte {
		var buf bytes.Buffer
		out := tar.NewWriter(&buf)
		in := tar.NewReader(bytes.NewReader(bundle))
		for {
			h, err := in.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			b, err := io.ReadAll(in)
			require.NoError(t, err)
			if b = change(h, b); b == nil {
				continue
			}
			h.Size = int64(len(b))
			require.NoError(t, out.WriteHeader(h))
			_, err = out.Write(b)
			require.NoError(t, err)
		}
		require.NoError(t, out.Close())
		return buf.Bytes()
	}
	names := entries(t, bundle)
	require.Greater(t, len(names), 50)
	for name := range names {
		refused("changed "+name, rewrite(func(h *tar.Header, b []byte) []byte {
			if h.Name == name {
				b[len(b)/2] ^= 1
			}
			return b
		}), ImportConfig{Digest: out.Digest})
		refused("without "+name, rewrite(func(h *tar.Header, b []byte) []byte {
			if h.Name == name {
				return nil
			}
			return b
		}), ImportConfig{})
	}
	// Somebody makes the bundle anew with other rows and a fitting manifest: the
	// digest that the exporter was told tells.
	refused("made anew", bundle, ImportConfig{Digest: "00"})
	require.Equal(t, before, w.digests(t, w.beta))
	// The control.
	require.NoError(t, w.importBundle(t, bundle, ImportConfig{AfterErasure: true, Digest: out.Digest}))
}

// A bundle whose rows belong to somebody else is refused here, and by the role's
// policy if this were not looked at.
func TestImportCannotWriteAnotherTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.life.write(t.Context(), operator, w.alpha, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, "insert into app.words (tenant_id, word) values ($1::text::uuid, 'x')", w.beta.String())
		return err
	})
	require.ErrorContains(t, err, "row-level security")
	err = w.life.write(t.Context(), operator, w.alpha, func(ctx context.Context, c *tenancy.Conn) error {
		tag, err := c.Exec(ctx, "delete from app.words where tenant_id = $1::text::uuid", w.beta.String())
		require.Zero(t, tag.RowsAffected())
		if err == nil { // the control
			tag, err = c.Exec(ctx, "delete from app.words where tenant_id = $1", w.alpha)
			require.EqualValues(t, 4, tag.RowsAffected())
		}
		return err
	})
	require.NoError(t, err)
}

// A trigger of the team's own that changes rows as they come in is noticed.
func TestImportNoticesAChangedRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bundle, _ := w.export(t, w.alpha)
	w.eraseNow(t, w.alpha)
	w.exec(t, `create function app.touch() returns trigger language plpgsql as 'begin new.n := 99; return new; end'`)
	w.exec(t, `create trigger touch before insert on app.words for each row execute function app.touch()`)
	require.ErrorContains(t, w.importBundle(t, bundle, ImportConfig{AfterErasure: true}), "app.words were changed on their way in")
	require.Equal(t, "0 ", w.digests(t, w.alpha)["app.words"])
	require.Empty(t, w.files.m[w.alpha])
	w.exec(t, `drop trigger touch on app.words`)
	w.exec(t, `create trigger touch before insert on app.words for each row when (not watertight.restoring()) execute function app.touch()`)
	require.NoError(t, w.importBundle(t, bundle, ImportConfig{AfterErasure: true}))
}

func TestImportEncrypted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = w.life.Export(t.Context(), operator, w.alpha, &b, ExportConfig{Recipients: []age.Recipient{id.Recipient()}})
	require.NoError(t, err)
	w.eraseNow(t, w.alpha)
	require.ErrorContains(t, w.importBundle(t, b.Bytes(), ImportConfig{AfterErasure: true}), "encrypted")
	require.NoError(t, w.importBundle(t, b.Bytes(), ImportConfig{AfterErasure: true, Identities: []age.Identity{id}}))
}

// Ended at every step, an import leaves nothing, and the next one succeeds.
func TestImportEndedAtEveryStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bundle, _ := w.export(t, w.alpha)
	w.eraseNow(t, w.alpha)
	before := w.digests(t, w.beta)
	var steps []string
	die := ""
	life := w.open(t, Config{Fault: func(step string) error {
		if die == "" {
			steps = append(steps, step)
			return nil
		}
		if step == die {
			return errors.New("killed")
		}
		return nil
	}})
	// Learn the steps from a run that is ended at the last one.
	die = "import commit"
	_, err := life.Import(t.Context(), operator, bytes.NewReader(bundle), ImportConfig{AfterErasure: true})
	require.ErrorIs(t, err, errFault)
	for _, at := range []string{"import watertight.tenants", "import watertight.tenant_keys", "import app.kinds", "import Own/s.t 20", "import files", "import commit"} {
		die = at
		_, err := life.Import(t.Context(), operator, bytes.NewReader(bundle), ImportConfig{AfterErasure: true})
		require.ErrorIs(t, err, errFault, at)
		for name, sum := range w.digests(t, w.alpha) {
			require.Equal(t, "0 ", sum, "%s after an end at %s", name, at)
		}
		require.Equal(t, before, w.digests(t, w.beta))
	}
	require.NoError(t, w.importBundle(t, bundle, ImportConfig{AfterErasure: true}))
	again, _ := w.export(t, w.alpha)
	require.True(t, bytes.Equal(bundle, again))
}
