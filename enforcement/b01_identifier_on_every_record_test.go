package enforcement

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// B1: every customer account is separated by a required, persistent tenant
// identifier on every database record.
func TestB01EveryRecordHasATenantThatNeverChanges(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	admin := o.Admin(t) // a superuser: not even this one gets round it
	ctx := t.Context()

	// Required: no record without the identifier.
	_, err := admin.Exec(ctx, "insert into app.documents (id, title) values (2, 'whose?')")
	require.ErrorContains(t, err, "null value in column \"tenant_id\"")

	// Persistent: it never changes, whoever tries.
	_, err = admin.Exec(ctx, "update app.documents set tenant_id = $1 where tenant_id = $2", o.beta, o.alpha)
	requireDenied(t, err)
	_, err = o.asAnna(t).Exec(ctx, "update app.documents set tenant_id = $1", o.alpha)
	requireDenied(t, err)

	// On every record: a table without the identifier cannot be put into service.
	_, err = admin.Exec(ctx, "create table app.forgetful (id int primary key)")
	require.NoError(t, err)
	_, err = admin.Exec(ctx, "select watertight.protect('app.forgetful')")
	require.ErrorContains(t, err, "has no column tenant_id")
	_, err = o.asAnna(t).Exec(ctx, "select * from app.forgetful")
	requireDenied(t, err)

	// The control: the rightful owner changes the record itself.
	_, err = o.asAnna(t).Exec(ctx, "update app.documents set title = 'new' where tenant_id = $1 and id = 1", o.alpha)
	require.NoError(t, err)
}
