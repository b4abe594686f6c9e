package tenancy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

func TestEachTenantSeesItsOwnRowsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), w.asA(t)))
	require.Equal(t, []tenancy.ID{w.b}, tenantsSeen(t, t.Context(), w.asB(t)))
}
