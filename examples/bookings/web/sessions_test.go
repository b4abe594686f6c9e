package web

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Two who come together share an answer; one who comes later with a handle that
// was used ends the session for both.
func TestAHandleThatWasUsedEndsTheSession(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t, pgtest.Config{Setup: []string{platform.SchemaSQL}})
	p, err := platform.Start(t.Context(), platform.Config{Database: database, WeakPasswordHashes: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	s := newSessions(p.Entrance, false)
	anna := p.Customers[0]
	_, first, err := p.Entrance.SignIn(t.Context(), service.Visitor{}, service.Credentials{
		Email: anna.Email, Password: crypto.SecretString(anna.Password),
	})
	require.NoError(t, err)

	next, err := s.renew(t.Context(), first.Refresh, service.Visitor{})
	require.NoError(t, err)
	same, err := s.renew(t.Context(), first.Refresh, service.Visitor{})
	require.NoError(t, err)
	require.True(t, next.Refresh.Equal(same.Refresh))

	s.recent[sha256.Sum256(first.Refresh.Reveal())].at = time.Now().Add(-together - time.Second)
	_, err = s.renew(t.Context(), first.Refresh, service.Visitor{})
	require.ErrorIs(t, err, session.ErrReused)
	require.True(t, over(err))
	_, err = s.renew(t.Context(), next.Refresh, service.Visitor{})
	require.ErrorIs(t, err, session.ErrEnded)
}
