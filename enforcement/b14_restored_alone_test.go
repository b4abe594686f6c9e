package enforcement

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/lifecycle"
)

// B14: data of one customer, or one record, can be restored without effect on
// the platform.
func TestB14RestoredAlone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	life := o.lifecycle(t)
	const all = "select title from app.documents where tenant_id = $1"
	var backup bytes.Buffer
	_, err := life.Export(ctx, operatorOf, o.alpha, &backup, lifecycle.ExportConfig{})
	require.NoError(t, err)
	require.NotContains(t, backup.String(), "Beta's secret")

	// Anna deletes her document by mistake, and Bob works on meanwhile.
	_, err = o.asAnna(t).Exec(ctx, "delete from app.documents where tenant_id = $1", o.alpha)
	require.NoError(t, err)
	require.Empty(t, titles(t, o.asAnna(t), all, o.alpha))
	_, err = o.asBob(t).Exec(ctx, "update app.documents set title = 'Beta changed this since' where tenant_id = $1", o.beta)
	require.NoError(t, err)

	// One record comes back, and nothing else moves.
	_, err = life.RestoreRecord(ctx, operatorOf, o.alpha, bytes.NewReader(backup.Bytes()), lifecycle.RecordConfig{Table: "app.documents", Key: map[string]string{"id": "1"}})
	require.NoError(t, err)
	require.Equal(t, []string{"Alpha's secret"}, titles(t, o.asAnna(t), all, o.alpha))
	require.Equal(t, []string{"Beta changed this since"}, titles(t, o.asBob(t), all, o.beta))

	// All of the customer is gone, and comes back.
	_, err = life.ScheduleErasure(ctx, operatorOf, o.alpha, lifecycle.ErasureConfig{Reason: "a mistake", Now: true})
	require.NoError(t, err)
	_, err = life.Erase(ctx, operatorOf, o.alpha)
	require.NoError(t, err)
	_, err = life.Import(ctx, operatorOf, bytes.NewReader(backup.Bytes()), lifecycle.ImportConfig{AfterErasure: true})
	require.NoError(t, err)
	require.Equal(t, []string{"Alpha's secret"}, titles(t, o.asAnna(t), all, o.alpha))
	require.Equal(t, []string{"Beta changed this since"}, titles(t, o.asBob(t), all, o.beta))

	// A backup that somebody has changed is not restored.
	changed := bytes.Replace(backup.Bytes(), []byte("Alpha's secret"), []byte("Alpha's Secret"), 1)
	_, err = life.RestoreRecord(ctx, operatorOf, o.alpha, bytes.NewReader(changed), lifecycle.RecordConfig{Table: "app.documents", Key: map[string]string{"id": "1"}})
	require.ErrorIs(t, err, lifecycle.ErrBundle)
	// And not into another customer.
	_, err = life.RestoreRecord(ctx, operatorOf, o.beta, bytes.NewReader(backup.Bytes()), lifecycle.RecordConfig{Table: "app.documents", Key: map[string]string{"id": "1"}})
	require.ErrorIs(t, err, lifecycle.ErrBundle)
}
