package enforcement

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/tenancy"
)

// B17: all connections are encrypted in transit.
func TestB17APlaintextConnectionIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	config := tenancy.Config{Key: o.Key, Registry: accounts.Registry{}}
	for _, url := range []string{
		"postgres://app@db.example.com/shop?sslmode=disable",
		"postgres://app@db.example.com/shop?sslmode=prefer", // falls back to plaintext when somebody in between says so
		"postgres://app@db.example.com/shop",
	} {
		_, err := tenancy.Open(t.Context(), url, config)
		require.ErrorIs(t, err, tenancy.ErrPlaintext, url)
	}
	// The controls: with TLS the refusal goes away (what is left is that this
	// host does not exist), and on the same machine nothing crosses a network.
	_, err := tenancy.Open(t.Context(), "postgres://app@db.invalid/shop?sslmode=verify-full&connect_timeout=1", config)
	require.ErrorIs(t, err, tenancy.ErrUnavailable)
	require.NotErrorIs(t, err, tenancy.ErrPlaintext)
	db, err := tenancy.Open(t.Context(), o.AppURL, config)
	require.NoError(t, err)
	db.Close()
}
