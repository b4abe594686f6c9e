package pgtest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// A recorder is a test that notes how it was ended.
type recorder struct {
	testing.TB
	fatal, skipped []any
}

func (r *recorder) Helper()           {}
func (r *recorder) Fatal(args ...any) { r.fatal = args }
func (r *recorder) Skip(args ...any)  { r.skipped = args }

func TestMissingServerFailsInCIAndSkipsElsewhere(t *testing.T) {
	err := errors.New("no server")
	t.Setenv("CI", "true")
	var inCI recorder
	missing(&inCI, err)
	require.Equal(t, []any{err}, inCI.fatal)
	require.Nil(t, inCI.skipped)

	t.Setenv("CI", "")
	var here recorder
	missing(&here, err)
	require.Nil(t, here.fatal)
	require.Equal(t, []any{err}, here.skipped)
}

func TestRedactedHasNoPassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"postgres://me:hidden@localhost:5432/db?sslmode=disable",
		"postgres://me@/db?host=/tmp&password=hidden",
	} {
		got := redacted(address)
		require.NotContains(t, got, "hidden")
		require.Contains(t, got, "me@")
		require.Contains(t, got, "/db")
	}
	require.NotContains(t, redacted("postgres://me:hid\x7fden@h"), "den")
}
