package enforcement

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// B18: access to privileged accounts is tightly controlled and checked; no
// shared accounts.
func TestB18PrivilegedWorkNamesItsPersonAndReason(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	record := &diary{}
	system, err := crosstenant.Open(ctx, o.SystemURL, crosstenant.Config{Key: o.Key, Record: record})
	require.NoError(t, err)
	t.Cleanup(system.Close)
	operator := tenancy.Actor{Email: "operator@example"}
	count := func(ctx context.Context, c *crosstenant.Conn) error {
		var n int
		return c.QueryRow(ctx, "select count(*) from app.documents").Scan(&n)
	}

	// Nobody works across customers without saying who and why, and not when it
	// cannot be recorded.
	require.ErrorContains(t, system.Run(ctx, tenancy.Actor{}, "look", count), "no actor")
	require.ErrorContains(t, system.Run(ctx, operator, "", count), "no reason")
	record.full = errors.New("the diary is full")
	require.ErrorIs(t, system.Run(ctx, operator, "look", count), record.full)
	record.full = nil

	// The privileged database account alone, without a signed reason, sees nothing.
	_, err = o.System(t).Exec(ctx, "select * from app.documents where $1", true)
	requireDenied(t, err)

	// A service cannot be started with a privileged account at all.
	for _, url := range []string{o.AdminURL, o.MigratorURL, o.SystemURL} {
		_, err := crosstenant.Open(ctx, url, crosstenant.Config{Key: o.Key, Record: record})
		if url == o.SystemURL {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, tenancy.ErrUnsafeRole)
	}

	// The control: with both, it works and stands in the record.
	require.NoError(t, system.Run(ctx, operator, "yearly count", count))
	require.Equal(t, "yearly count", record.last.Reason)
	require.Equal(t, operator, record.last.Actor)
}

type diary struct {
	last crosstenant.Event
	full error
}

func (d *diary) Record(_ context.Context, _ *crosstenant.Conn, e crosstenant.Event) error {
	d.last = e
	return d.full
}
