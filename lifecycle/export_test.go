package lifecycle

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"
)

// entries reads a bundle in the clear.
func entries(t *testing.T, bundle []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	r := tar.NewReader(bytes.NewReader(bundle))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		out[h.Name] = string(b)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, out := w.export(t, w.alpha)
	files := entries(t, first)
	var m Manifest
	require.NoError(t, json.Unmarshal([]byte(files["manifest.json"]), &m))
	require.Equal(t, out.Manifest, m)

	// Every protected table is in it, with as many rows as the tenant has.
	byName := map[string]TableSum{}
	for _, s := range m.Tables {
		byName[s.Name] = s
	}
	for _, x := range m.Excluded { // those that the library itself leaves out
		require.Contains(t, []string{"watertight.sessions", "watertight.api_keys", "watertight.support_grants", "watertight.calendar_revocations"}, x.Table)
	}
	for name := range w.digests(t, w.alpha) {
		plain := strings.ReplaceAll(name, `"`, "")
		left := func(x Excluded) bool { return x.Table == plain }
		if name == "watertight.audit_event" || name == keptLogs || slices.ContainsFunc(m.Excluded, left) {
			continue
		}
		require.Contains(t, byName, plain)
		require.Positive(t, byName[plain].Rows, plain)
	}
	require.EqualValues(t, 3, m.Files.Count)
	require.Len(t, m.Logs, 1)

	// Nothing of the neighbour is in it, though both have the same rows: the
	// control is that the tenant's own is.
	require.True(t, bytes.Contains(first, []byte("anna@alpha.example")))
	require.False(t, bytes.Contains(first, []byte("bob@beta.example")))
	require.False(t, bytes.Contains(first, []byte(w.beta.String())))

	// The export left its events: in the platform's log before, in both after.
	var actions []string
	require.NoError(t, w.admin.QueryRow(t.Context(), `select array_agg(action order by id) from watertight.audit_event where action ~ 'export' and (tenant_id = $1 or entity_id = $1::text)`, w.alpha).Scan(&actions))
	require.Equal(t, []string{"watertight.exporting", "watertight.exported", "watertight.exported"}, actions)

	// The same state gives the same bytes. (The event that the first export left
	// in the tenant's log is a change of state.)
	w.exec(t, `set session_replication_role = replica`)
	again, err := exportQuietly(t, w)
	require.NoError(t, err)
	third, err := exportQuietly(t, w)
	require.NoError(t, err)
	require.True(t, bytes.Equal(again, third))
}

// exportQuietly exports without leaving events.
func exportQuietly(t *testing.T, w *world) ([]byte, error) {
	var b bytes.Buffer
	_, err := w.life.export(t.Context(), operator, w.alpha, &b, ExportConfig{})
	return b.Bytes(), err
}

func TestExportForgetsNoTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(t, `create table app.forgotten (tenant_id uuid not null, id int)`)
	_, err := w.life.Export(t.Context(), operator, w.alpha, io.Discard, ExportConfig{})
	var unknown *UnknownTablesError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, []string{"app.forgotten"}, unknown.Tables)

	// Also one that has the tenant in a key only.
	w.exec(t, `drop table app.forgotten; `)
	w.exec(t, `create table app.hidden (owner uuid references watertight.tenants (id))`)
	_, err = w.life.Export(t.Context(), operator, w.alpha, io.Discard, ExportConfig{})
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, []string{"app.hidden"}, unknown.Tables)
	w.exec(t, `drop table app.hidden`)

	// One that is left out on purpose stands in the manifest with the reason.
	w.exec(t, `select watertight.not_exported('app.words', 'a cache that is made anew')`)
	_, out := w.export(t, w.alpha)
	require.Contains(t, out.Manifest.Excluded, Excluded{"app.words", "a cache that is made anew"})
	for _, s := range out.Manifest.Tables {
		require.NotEqual(t, "app.words", s.Name)
	}
}

func TestExportIsOfOneMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Whoever writes while the export runs is not in it, also not in the tables
	// that it reads later.
	life := w.open(t, Config{Fault: func(step string) error {
		if step == "export app.words" {
			w.exec(t, `insert into app.words values ($1, 'late', 1)`, w.alpha)
			w.exec(t, `delete from "Own/s"."t 39" where tenant_id = $1`, w.alpha)
		}
		return nil
	}})
	var b bytes.Buffer
	_, err := life.Export(t.Context(), operator, w.alpha, &b, ExportConfig{})
	require.NoError(t, err)
	require.NotContains(t, b.String(), `"late"`)
	require.Contains(t, b.String(), `note 4`)
	after, _ := w.export(t, w.alpha)
	require.Contains(t, string(after), `"late"`)
}

func TestExportToAPublicKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = w.life.Export(t.Context(), operator, w.alpha, &b, ExportConfig{Recipients: []age.Recipient{id.Recipient()}})
	require.NoError(t, err)
	require.NotContains(t, b.String(), "anna@alpha.example")
	r, err := age.Decrypt(&b, id)
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Contains(t, string(plain), "anna@alpha.example")
	other, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	_, err = age.Decrypt(bytes.NewReader(b.Bytes()), other)
	require.Error(t, err)
}
