package enforcement

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

// C5: the whole application is covered by an audit log: IP address, action
// name, e-mail of the signed-in person, timestamp, application version deployed
// at the time, which data changed and from what to what.
func TestC05EveryChangeIsInTheLog(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	db, err := tenancy.Open(ctx, o.AppURL, tenancy.Config{Key: o.Key, Registry: accounts.Registry{}, Version: "v7.8.9"})
	require.NoError(t, err)
	defer db.Close()
	anna := o.anna
	anna.IP = netip.MustParseAddr("203.0.113.7")
	scope, err := db.Admit(ctx, anna, o.alpha)
	require.NoError(t, err)

	began := time.Now().Add(-time.Second)
	_, err = db.For(scope).Exec(ctx, `-- name: RenameDocument :exec
		update app.documents set title = $2 where tenant_id = $1 and id = 1`, o.alpha, "Alpha's plan")
	require.NoError(t, err)

	history, _, err := audit.Events(ctx, db.For(scope), audit.Filter{Entity: "app.documents", EntityID: "1"})
	require.NoError(t, err)
	e := history[0]
	require.Equal(t, "203.0.113.7/32", e.IP.String())
	require.Equal(t, "RenameDocument", e.Action)
	require.Equal(t, "anna@alpha.example", *e.ActorEmail)
	require.WithinDuration(t, time.Now(), e.At, time.Since(began)+time.Minute)
	require.Equal(t, "v7.8.9", e.AppVersion)
	require.Equal(t, [2]any{"Alpha's secret", "Alpha's plan"}, e.Changes()["title"])

	// Nobody gets around it. A write that names no actor is refused ...
	_, err = o.App(t).Exec(ctx, "update app.documents set title = 'x' where $1", true)
	requireDenied(t, err)
	// ... the recording cannot be switched off ...
	_, err = o.App(t).Exec(ctx, "alter table app.documents disable trigger watertight_audit")
	requireDenied(t, err)
	_, err = o.Migrator(t).Exec(ctx, "alter table app.documents disable trigger watertight_audit")
	requireDenied(t, err)
	_, err = o.Migrator(t).Exec(ctx, "drop trigger watertight_audit on app.documents")
	requireDenied(t, err)
	// ... and no table that holds customers' data is left out.
	var unrecorded int
	require.NoError(t, o.Admin(t).QueryRow(ctx, "select count(*) from watertight.audit_stale()").Scan(&unrecorded))
	require.Zero(t, unrecorded)

	// Bob of Beta sees nothing of it.
	others, _, err := audit.Events(ctx, o.asBob(t), audit.Filter{Actor: "anna@alpha.example"})
	require.NoError(t, err)
	require.Empty(t, others)
}
