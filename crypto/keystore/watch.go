package keystore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// channel is notified by a trigger of watertight.tenant_keys.
const channel = "watertight_keys"

// Watch makes the ring forget its keys whenever one is rotated, wrapped anew or
// destroyed, so that this takes effect at once and not after the TTL. It holds
// one connection of its own, which must not go through a transaction pooler,
// and connects again when that breaks; the keys are forgotten then, too, since
// a notice may have been missed. It returns when ctx ends.
//
// Watch makes rotation and destruction faster, not safe: the TTL is what holds
// when no notice comes through. Problems go to report, if not nil.
func Watch(ctx context.Context, url string, ring *crypto.Ring, report func(error)) error {
	if ring == nil {
		return errNoRing
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return errors.New("the database URL cannot be read (write it as postgres://user@host/database)") // err may quote it
	}
	if crossesNetwork(cfg) {
		return tenancy.ErrPlaintext
	}
	wait := time.Second
	for {
		connected := listen(ctx, cfg, ring)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if wait = min(2*wait, time.Minute); connected {
			wait = time.Second
		}
		if report != nil {
			report(fmt.Errorf("watch tenant keys: %w", tenancy.ErrUnavailable))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// crossesNetwork reports whether a connection might be made to another machine
// without encryption.
func crossesNetwork(cfg *pgx.ConnConfig) bool {
	open := func(host string, encrypted bool) bool {
		ip := net.ParseIP(host)
		local := strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
		return !encrypted && !local
	}
	if open(cfg.Host, cfg.TLSConfig != nil) {
		return true
	}
	for _, f := range cfg.Fallbacks {
		if open(f.Host, f.TLSConfig != nil) {
			return true
		}
	}
	return false
}

// listen clears the ring at every notice until the connection breaks, and
// reports whether there was one. Its errors name the server, so they stay here.
func listen(ctx context.Context, cfg *pgx.ConnConfig, ring *crypto.Ring) (connected bool) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return false
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "listen "+channel); err != nil {
		return false
	}
	// Only now: what changed while nobody listened is forgotten here.
	ring.Clear()
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true
		}
		ring.Clear()
	}
}
