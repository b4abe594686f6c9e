package enforcement

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/typecheck"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// B2: all application code requires the identifier for every operation, read
// and write.
func TestB02CodeWithoutTheIdentifierDoesNotCompile(t *testing.T) {
	t.Parallel()
	// Each program in the first folder leaves the tenant out in another way and
	// must not compile; its namesake in the second does it right and must.
	typecheck.Run(t, "../tenancy/testdata/reject", "../tenancy/testdata/accept")
}

func TestB02AnEmptyIdentifierIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := query.New(o.asAnna(t))

	_, err := q.ListUsers(t.Context(), tenancy.ID{})
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	_, err = q.ListUsers(t.Context(), o.beta)
	require.ErrorIs(t, err, tenancy.ErrTenantMismatch)
	_, err = query.New(&tenancy.Conn{}).ListUsers(t.Context(), o.alpha)
	require.ErrorIs(t, err, tenancy.ErrNoTenant)

	// The control.
	users, err := q.ListUsers(t.Context(), o.alpha)
	require.NoError(t, err)
	require.Len(t, users, 1)
}
