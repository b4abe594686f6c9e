package placement_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/placement"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// places says that one tenant is in eu and every other in us.
type places tenancy.ID

func (p places) Place(_ context.Context, t tenancy.ID) (string, error) {
	if t == tenancy.ID(p) {
		return "eu", nil
	}
	return "us", nil
}

// A pool that is being opened while the router is closed is closed with it, and
// none is opened afterwards.
func TestCloseWhileAPoolIsOpened(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	alpha := tenancy.NewID()
	opening, opened := make(chan struct{}), make(chan struct{})
	router, err := placement.New(placement.Config{
		Places: places(alpha), Registry: accounts.Registry{},
		Open: func(ctx context.Context, place string, r tenancy.Registry) (*tenancy.DB, error) {
			if place == "us" {
				return nil, errors.New("us does not answer")
			}
			close(opening) // twice would panic
			<-opened
			return tenancy.Open(ctx, d.AppURL, tenancy.Config{Key: d.Key, Registry: r})
		},
	})
	require.NoError(t, err)
	t.Cleanup(router.Close)
	got := make(chan *tenancy.DB, 1)
	go func() {
		db, err := router.DB(context.Background(), alpha)
		assert.NoError(t, err)
		got <- db
	}()
	<-opening
	_, err = router.DB(t.Context(), tenancy.NewID())
	require.ErrorContains(t, err, "us does not answer", "the control: the router is open, and eu holds up nobody")
	closed := make(chan struct{})
	go func() { router.Close(); close(closed) }()
	require.Eventually(t, func() bool {
		_, err := router.DB(t.Context(), tenancy.NewID())
		return strings.Contains(err.Error(), "the router is closed")
	}, time.Minute, time.Millisecond)
	close(opened)
	<-closed
	_, err = (<-got).Admit(t.Context(), tenancy.Actor{UserID: tenancy.NewID().UUID()}, alpha)
	require.ErrorIs(t, err, tenancy.ErrTxDone)
	_, err = router.DB(t.Context(), alpha)
	require.ErrorContains(t, err, "the router is closed")
}
