package main

import (
	"context"
	"log/slog"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func (c *call) contextKey() (tenancy.ContextKey, error) {
	text := c.getenv(envContextKey)
	if text == "" {
		return tenancy.ContextKey{}, usageError{"no context key (set " + envContextKey + ", as the application has it)"}
	}
	return tenancy.ParseContextKey(text)
}

// systemDB connects as a member of watertight_system. What crosses tenants is
// told on standard error.
func (c *call) systemDB(ctx context.Context, positional []string) (*crosstenant.DB, error) {
	url, err := c.databaseURL(positional)
	if err != nil {
		return nil, err
	}
	key, err := c.contextKey()
	if err != nil {
		return nil, err
	}
	return crosstenant.Open(ctx, url, crosstenant.Config{
		Key: key, MaxConns: 2, Version: programVersion(),
		Record: crosstenant.Log(slog.New(slog.NewTextHandler(c.stderr, nil))),
	})
}

// openRing returns a key ring: the first KEK wraps, all unwrap.
func openRing(ctx context.Context, store crypto.Store, names []string) (*crypto.Ring, error) {
	var keks []crypto.KEK
	for _, name := range names {
		kek, err := openKEK(ctx, name)
		if err != nil {
			return nil, err
		}
		keks = append(keks, kek)
	}
	return crypto.NewRing(crypto.RingConfig{Store: store, KEKs: keks})
}
