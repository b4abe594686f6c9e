package lifecycle

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

func TestRestoreRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	bundle, _ := w.export(t, w.alpha)
	neighbour := w.digests(t, w.beta)
	restore := func(id tenancy.ID, table string, key map[string]string) ([]Restored, error) {
		return w.life.RestoreRecord(ctx, operator, id, bytes.NewReader(bundle), RecordConfig{Table: table, Key: key})
	}
	// A leaf whose parent is gone as well comes back with it; what is there
	// stays as it is now.
	w.exec(t, `delete from app.tree where tenant_id = $1 and id in (1, 5)`, w.alpha)
	w.exec(t, `update app.tree set label = 'changed since' where tenant_id = $1 and id = 2`, w.alpha)
	got, err := restore(w.alpha, "app.tree", map[string]string{"id": "1"})
	require.NoError(t, err)
	require.ElementsMatch(t, []Restored{{"app.tree", map[string]string{"id": "1"}}, {"app.tree", map[string]string{"id": "5"}}}, got)
	var labels []string
	require.NoError(t, w.admin.QueryRow(ctx, `select array_agg(concat(label, ' ', parent) order by id) from app.tree where tenant_id = $1`, w.alpha).Scan(&labels))
	require.Equal(t, []string{"leaf 5", "changed since 2", "root "}, labels)

	// The restored rows left ordinary events, by the operator.
	var events int
	require.NoError(t, w.admin.QueryRow(ctx, `select count(*) from watertight.audit_event where tenant_id = $1 and op = 'i' and actor_email = $2 and entity = 'app.tree'`, w.alpha, operator.Email).Scan(&events))
	require.Equal(t, 2, events)

	_, err = restore(w.alpha, "app.tree", map[string]string{"id": "1"})
	require.ErrorIs(t, err, ErrRecordExists)
	_, err = restore(w.alpha, "app.tree", map[string]string{"id": "99"})
	require.ErrorIs(t, err, ErrNoRecord)
	_, err = restore(w.alpha, "app.none", map[string]string{"id": "99"})
	require.ErrorIs(t, err, ErrNoRecord)
	_, err = restore(w.alpha, "app.tree", nil)
	require.ErrorContains(t, err, "primary key")
	// Not into another tenant.
	_, err = restore(w.beta, "app.tree", map[string]string{"id": "1"})
	require.ErrorIs(t, err, ErrBundle)
	require.Equal(t, neighbour, w.digests(t, w.beta))

	// A row of every kind of value comes back as it was.
	w.exec(t, `delete from app.kinds where tenant_id = $1 and te = ''`, w.alpha)
	var id string
	for key := range entriesOf(t, bundle, "app.kinds", `"vc":""`) {
		id = key
	}
	_, err = restore(w.alpha, "app.kinds", map[string]string{"id": id})
	require.NoError(t, err)
	after, _ := w.export(t, w.alpha)
	require.Equal(t, entriesOf(t, bundle, "app.kinds", `"vc":""`), entriesOf(t, after, "app.kinds", `"vc":""`))
}

// entriesOf returns the lines of a table that hold a text, by their id.
func entriesOf(t *testing.T, bundle []byte, table, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, content := range entries(t, bundle) {
		if !strings.HasSuffix(name, "-"+table+".jsonl") {
			continue
		}
		for line := range strings.Lines(content) {
			var row map[string]*string
			require.NoError(t, json.Unmarshal([]byte(line), &row))
			if strings.Contains(line, text) {
				out[*row["id"]] = line
			}
		}
	}
	require.NotEmpty(t, out)
	return out
}
