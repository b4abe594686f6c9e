package tenancy_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

func TestZeroIDCannotBeEncoded(t *testing.T) {
	t.Parallel()
	var zero tenancy.ID
	_, err := zero.Value()
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	_, err = zero.UUIDValue()
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	_, err = zero.TextValue()
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	_, err = json.Marshal(zero)
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	_, err = tenancy.ParseID(zero.String())
	require.Error(t, err)
	_, err = tenancy.ParseID(uuid.Nil.String())
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	_, err = tenancy.IDFromUUID(uuid.Nil)
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
}

func TestIDHasOneSpelling(t *testing.T) {
	t.Parallel()
	id := tenancy.NewID()
	for _, text := range []string{
		"{" + id.String() + "}", "urn:uuid:" + id.String(), id.String()[:35], id.String() + " ", "",
		fmt.Sprintf("%x", id.Bytes()),
	} {
		_, err := tenancy.ParseID(text)
		require.Error(t, err, text)
	}
	same, err := tenancy.ParseID(id.String())
	require.NoError(t, err)
	require.Equal(t, id, same)
	text, err := json.Marshal(map[tenancy.ID]tenancy.ID{id: id})
	require.NoError(t, err)
	var back map[tenancy.ID]tenancy.ID
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, id, back[id])
}

func FuzzParseID(f *testing.F) {
	f.Add(tenancy.NewID().String())
	f.Add("00000000-0000-0000-0000-000000000000")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := tenancy.ParseID(s)
		if err != nil {
			require.True(t, id.IsZero())
			return
		}
		require.False(t, id.IsZero())
		again, err := tenancy.ParseID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, again)
	})
}

func TestContextKeyShowsItsIDOnly(t *testing.T) {
	t.Parallel()
	key, err := tenancy.NewContextKey()
	require.NoError(t, err)
	secret := key.Secret()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{key, &key, tenancy.Config{Key: key}, []tenancy.ContextKey{key}} {
			shown := fmt.Sprintf(verb, value)
			require.NotContains(t, shown, fmt.Sprintf("%x", secret[:8]))
			require.NotContains(t, shown, fmt.Sprint(secret[:4])[1:])
			require.NotContains(t, shown, key.Encode()[len(key.Encode())-20:])
		}
	}
	_, err = json.Marshal(key)
	require.Error(t, err)
	same, err := tenancy.ParseContextKey(key.Encode())
	require.NoError(t, err)
	require.Equal(t, secret, same.Secret())
	for _, text := range []string{"", "wtk_", key.Encode()[1:], key.Encode() + "A", key.Encode()[:30], "wtk_UPPER_" + key.Encode()[13:]} {
		_, err := tenancy.ParseContextKey(text)
		require.Error(t, err)
	}
}
