package enforcement

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
	"github.com/watertight-go/watertight/tenancy/support"
)

// C4: only support administrators see customer data, on a direct personal
// request that the customer granted.
func TestC04SupportComesInOnTheCustomersRequest(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	system, err := crosstenant.Open(ctx, o.SystemURL, crosstenant.Config{Key: o.Key, Record: &diary{}})
	require.NoError(t, err)
	t.Cleanup(system.Close)
	_, url := o.Login(t, "in role watertight_support")
	desk, err := support.Open(ctx, url, support.Config{Key: o.Key})
	require.NoError(t, err)
	t.Cleanup(desk.Close)
	sam := tenancy.Actor{UserID: uuid.New(), Email: "sam@platform.example", Kind: tenancy.KindSupport}
	require.NoError(t, system.Run(ctx, tenancy.Actor{Email: "operator@example"}, "new colleague", func(ctx context.Context, c *crosstenant.Conn) error {
		return accounts.AddSupportPerson(ctx, c, accounts.SupportPerson{ID: sam.UserID, Email: sam.Email, Name: "Sam"})
	}))

	// Without the customer's grant nobody of the platform gets in.
	_, err = accounts.AdmitSupport(ctx, desk, sam, o.alpha, uuid.New())
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)

	// Alpha lets Sam in: into Alpha, and nowhere else.
	anna, err := o.db.Admit(ctx, o.anna, o.alpha)
	require.NoError(t, err)
	grant, _, err := accounts.GrantSupport(ctx, o.db, anna, sam.UserID, accounts.SupportRead, "my document is gone", time.Hour)
	require.NoError(t, err)
	_, err = accounts.AdmitSupport(ctx, desk, sam, o.beta, grant)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	scope, err := accounts.AdmitSupport(ctx, desk, sam, o.alpha, grant)
	require.NoError(t, err)
	var title string
	look := func() error {
		return desk.For(scope).QueryRow(ctx, "select title from app.documents").Scan(&title)
	}
	require.NoError(t, look())
	require.Equal(t, "Alpha's secret", title)

	// The customer sees what Sam did, and ends it when he likes.
	events, err := accounts.SupportActivity(ctx, o.db, anna, grant, 0, 10)
	require.NoError(t, err)
	require.Contains(t, string(events[0].Details), "select title from app.documents")
	require.NoError(t, accounts.RevokeSupport(ctx, o.db, anna, grant))
	require.Error(t, look())
}
