package enforcement

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/tenancy"
)

// B7: a page asked for with another tenant's identifier is refused, because the
// account is not registered with that tenant.
func TestB07AnotherTenantIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var heard []tenancy.Refusal
	db, err := tenancy.Open(t.Context(), o.AppURL, tenancy.Config{
		Key: o.Key, Registry: accounts.Registry{},
		Refused: func(_ context.Context, r tenancy.Refusal) { heard = append(heard, r) },
	})
	require.NoError(t, err)
	defer db.Close()

	_, err = db.Admit(t.Context(), o.anna, o.beta)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	require.ErrorContains(t, err, "not registered with this tenant")
	require.Len(t, heard, 1, "and the attempt is reported")
	require.Equal(t, o.anna, heard[0].Actor)
	require.Equal(t, o.beta, heard[0].Tenant)

	// A tenant that does not exist gets the same answer.
	_, unknown := db.Admit(t.Context(), o.anna, tenancy.NewID())
	require.Equal(t, err.Error(), unknown.Error())

	// The control: her own tenant.
	scope, err := db.Admit(t.Context(), o.anna, o.alpha)
	require.NoError(t, err)
	require.Equal(t, o.alpha, scope.Tenant())
}
