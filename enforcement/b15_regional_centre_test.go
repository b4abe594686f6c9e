package enforcement

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/placement"
)

// B15: a customer's data can be kept in a chosen regional centre.
func TestB15RegionalCentre(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	region := map[string]*office{"eu": newOffice(t), "us": newOffice(t)}
	home := region["eu"] // has the directory
	life := map[string]*lifecycle.DB{"eu": region["eu"].lifecycle(t), "us": region["us"].lifecycle(t)}
	require.NoError(t, life["eu"].SetPlace(ctx, operatorOf, home.alpha, "eu"))

	router, err := placement.New(placement.Config{
		Places: placement.Table(home.db), Registry: accounts.Registry{},
		Open: func(ctx context.Context, place string, r tenancy.Registry) (*tenancy.DB, error) {
			return tenancy.Open(ctx, region[place].AppURL, tenancy.Config{Key: region[place].Key, Registry: r})
		},
	})
	require.NoError(t, err)
	t.Cleanup(router.Close)
	_, scope, err := router.Admit(ctx, home.anna, home.alpha)
	require.NoError(t, err)
	require.Equal(t, home.alpha, scope.Tenant())

	// A handle of the other region admits nobody of this tenant.
	wrong, err := tenancy.Open(ctx, region["us"].AppURL, tenancy.Config{Key: region["us"].Key, Registry: router.Registry("us")})
	require.NoError(t, err)
	t.Cleanup(wrong.Close)
	_, err = wrong.Admit(ctx, home.anna, home.alpha)
	require.ErrorIs(t, err, placement.ErrWrongPlacement)

	// The customer wants to be kept in the US, and is, there alone.
	err = life["eu"].Move(ctx, operatorOf, home.alpha, "us", lifecycle.MoveConfig{
		At: func(_ context.Context, place string) (*lifecycle.DB, error) { return life[place], nil },
	})
	require.NoError(t, err)
	db, scope, err := router.Admit(ctx, home.anna, home.alpha)
	require.NoError(t, err)
	require.Equal(t, []string{"Alpha's secret"}, titles(t, db.For(scope), "select title from app.documents where tenant_id = $1", home.alpha))
	require.Zero(t, home.count(t, "app.documents", home.alpha.String()))
	require.Zero(t, home.count(t, "watertight.users", home.alpha.String()))
	// The control: the neighbour is where it was.
	require.Equal(t, []string{"Beta's secret"}, titles(t, home.asBob(t), "select title from app.documents where tenant_id = $1", home.beta))
}
