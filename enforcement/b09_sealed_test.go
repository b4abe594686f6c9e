package enforcement

import (
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/query"
)

// B9: where the original is needed, such as credentials for calendars,
// AES-256-GCM with a unique, randomly generated salt for each set of sensitive
// data.
func TestB09CalendarCredentialsAreSealed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	// The key that wraps the tenants' keys is in a file, not in the database.
	kek, err := crypto.CreateKeyFile(filepath.Join(t.TempDir(), "kek"))
	require.NoError(t, err)
	store, err := keystore.New(o.db)
	require.NoError(t, err)
	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{kek}})
	require.NoError(t, err)

	const token = "1//0gRefreshTokenOfAnnasCalendar"
	id := uuid.New()
	place := crypto.Ref{Table: "calendar_connection", Column: "refresh_token", Row: crypto.RowUUID(id)}
	sealed, err := ring.Seal(ctx, o.alpha, place, crypto.SecretString(token))
	require.NoError(t, err)
	connect := func(refreshToken []byte) error {
		return query.New(o.asAnna(t)).AddCalendarConnection(ctx, o.alpha, id, o.anna.UserID,
			"google", "anna@gmail.example", []string{"calendar.readonly"}, nil, refreshToken, nil, nil)
	}

	// The database does not accept a credential in the clear.
	require.ErrorContains(t, connect([]byte(token)), "refresh_token_sealed")
	require.NoError(t, connect(sealed))

	// A superuser who copies all of the database finds no token in it.
	var stored []byte
	require.NoError(t, o.Admin(t).QueryRow(ctx, `select refresh_token from watertight.calendar_connections where id = $1`, id).Scan(&stored))
	require.NotContains(t, string(stored), "RefreshToken")

	// Each sealing has a salt of its own: bytes 5 to 36 (32 random bytes).
	again, err := ring.Seal(ctx, o.alpha, place, crypto.SecretString(token))
	require.NoError(t, err)
	require.NotEqual(t, sealed[5:37], again[5:37])

	// It opens for this tenant, table, column and row only, and unchanged only.
	elsewhere := []crypto.Ref{
		{Table: "user", Column: place.Column, Row: place.Row},
		{Table: place.Table, Column: "access_token", Row: place.Row},
		{Table: place.Table, Column: place.Column, Row: crypto.RowUUID(uuid.New())},
	}
	for _, ref := range elsewhere {
		_, err = ring.Open(ctx, o.alpha, ref, stored)
		require.ErrorIs(t, err, crypto.ErrOpen)
	}
	_, err = ring.Open(ctx, o.beta, place, stored)
	require.ErrorIs(t, err, crypto.ErrOpen)
	changed := append([]byte{}, stored...)
	changed[60] ^= 1
	_, err = ring.Open(ctx, o.alpha, place, changed)
	require.ErrorIs(t, err, crypto.ErrOpen)

	// The control: the rightful tenant opens it.
	secret, err := ring.Open(ctx, o.alpha, place, stored)
	require.NoError(t, err)
	require.Equal(t, token, string(secret.Reveal()))
}
