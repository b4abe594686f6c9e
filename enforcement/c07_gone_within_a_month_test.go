package enforcement

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/tenancy"
)

// C7: data is permanently removed when the customer releases it; everything
// within 1 month after the licence ends.
func TestC07GoneWithinAMonth(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	life := o.lifecycle(t)
	before := o.asAnna(t)

	// The licence ends today: closed at once, to be erased in 30 days.
	e, err := life.ScheduleErasure(ctx, operatorOf, o.alpha, lifecycle.ErasureConfig{Reason: "licence ended"})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().AddDate(0, 0, 30), e.DueAt, time.Hour)
	_, err = o.db.Admit(ctx, o.anna, o.alpha)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	// Also to a handle from before.
	require.Error(t, before.QueryRow(ctx, "select count(*) from app.documents where tenant_id = $1", o.alpha).Scan(new(int)))
	// Not a day early.
	_, err = life.Erase(ctx, operatorOf, o.alpha)
	require.ErrorIs(t, err, lifecycle.ErrNotDue)

	// The customer comes back within the month, and finds everything.
	require.NoError(t, life.CancelErasure(ctx, operatorOf, o.alpha))
	require.Equal(t, []string{"Alpha's secret"}, titles(t, o.asAnna(t), "select title from app.documents where tenant_id = $1", o.alpha))

	// A month after the end, the nightly job removes everything.
	_, err = life.ScheduleErasure(ctx, operatorOf, o.alpha, lifecycle.ErasureConfig{Reason: "licence ended", LicenceEnds: time.Now().AddDate(0, 0, -30).Add(-time.Minute)})
	require.NoError(t, err)
	done, err := life.Due(ctx, operatorOf)
	require.NoError(t, err)
	require.Len(t, done, 1)
	remains, err := lifecycle.VerifyErased(ctx, o.Admin(t), o.alpha, lifecycle.VerifyErasedConfig{Also: []string{"Alpha's secret"}})
	require.NoError(t, err)
	require.Empty(t, remains.Found)
	// What is left is said: the backups, and until when.
	backups := false
	for _, k := range remains.Kept {
		backups = backups || k.Until != nil && k.Until.Before(time.Now().AddDate(0, 0, 31))
	}
	require.True(t, backups)
	// The control.
	require.Equal(t, []string{"Beta's secret"}, titles(t, o.asBob(t), "select title from app.documents where tenant_id = $1", o.beta))
}
