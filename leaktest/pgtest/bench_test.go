package pgtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// What one test pays for a database of its own, with the drop.
func BenchmarkDatabase(b *testing.B) {
	for name, cfg := range map[string]Config{
		"schema": {}, "empty": {Empty: true}, "setup": {Setup: []string{"create schema shop; create table shop.item (i int)"}},
	} {
		b.Run(name, func(b *testing.B) {
			server := New(b, cfg).Server()
			for b.Loop() {
				d, err := server.CreateDatabase(b.Context(), "", cfg)
				require.NoError(b, err)
				require.NoError(b, d.Drop(b.Context()))
			}
		})
	}
}

// What one test program pays for a server of its own.
func BenchmarkServer(b *testing.B) {
	for b.Loop() {
		server, attempts := defaultLookup().start(context.Background(), Config{})
		require.NotNil(b, server, attempts)
		require.NoError(b, server.Stop())
	}
}
