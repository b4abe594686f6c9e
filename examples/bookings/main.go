// Command bookings is a small calendar-booking service for many customers in
// one Postgres, built on Watertight.
//
//	go run ./examples/bookings          the guided tour: books, attacks, and ends
//	go run ./examples/bookings -serve   keeps serving on a loopback port
//
// It needs no set-up: it starts a Postgres of its own, from the binaries on the
// machine, from Docker, or downloaded. DATABASE_URL names another server, in
// which it makes a database and drops it again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	serve := flag.Bool("serve", false, "keep serving after the start, without the tour")
	address := flag.String("addr", "127.0.0.1:0", "`HOST:PORT` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *address, *serve)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bookings: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string, serve bool) (err error) {
	p, err := startPlatform(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	fmt.Printf("PostgreSQL %d, %s\n", p.server.Version(), p.server.Source())

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w (choose another -addr)", err)
	}
	web := &http.Server{Handler: newService(p.db, p.people), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	defer func() {
		shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, web.Shutdown(shut))
	}()
	base := "http://" + listener.Addr().String()
	if !serve {
		return tour(ctx, p, base, os.Stdout)
	}
	printSignIns(base, p)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func printSignIns(base string, p *platform) {
	fmt.Printf("serving on %s; stop with Ctrl-C\n\n", base)
	for _, c := range p.customers {
		fmt.Printf("%s\n  curl -H 'Authorization: Bearer %s' %s/t/%s/appointments\n", c.name, c.signIn, base, c.tenant)
	}
}
