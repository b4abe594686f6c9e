// Command bookings is a small calendar-booking service for many customers in
// one Postgres, built on Watertight.
//
//	go run ./examples/bookings          the guided tour: books, attacks, and ends
//	go run ./examples/bookings -serve   keeps serving on a loopback port
//
// It needs no set-up: it starts a Postgres of its own, from the binaries on the
// machine, from Docker, or downloaded. DATABASE_URL names another server, in
// which it makes a database and drops it again.
//
// Where to look:
//
//	service     what the service does, each function in one tenant's scope
//	queries     its SQL, with the roles that may run it; store is made of them
//	web         the face for people, with page, which has the templates
//	desk        where support works, on a grant of the customer's
//	api         the face for programs, with openapi.yaml
//	site        the faces behind one address, and the tests of the whole
//	platform    what an operator sets up: database, keys, customers
//	browser     drives a headless Chromium, for the tests
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

	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/examples/bookings/site"
)

func main() {
	serve := flag.Bool("serve", false, "keep serving after the start, without the tour")
	address := flag.String("addr", "127.0.0.1:0", "`HOST:PORT` to listen on, of this machine only")
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
	listener, err := listen(ctx, address)
	if err != nil {
		return err
	}
	p, err := platform.Start(ctx, platform.Config{})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	server := p.Database.Server()
	fmt.Printf("PostgreSQL %d, %s\n", server.Version(), server.Source())

	handler, err := site.New(p, site.Config{})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
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
	if err := p.AddSample(ctx); err != nil {
		return err
	}
	printSignIns(base, p)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// listen takes an address of this machine only: passwords would cross a network
// in the clear.
func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w (choose another -addr)", err)
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return nil, errors.Join(errors.New("the address is open to a network, unencrypted (use 127.0.0.1, and a proxy with TLS in front)"), listener.Close())
	}
	return listener, nil
}

func printSignIns(base string, p *platform.Platform) {
	fmt.Printf("serving on %s; stop with Ctrl-C\n", base)
	for _, c := range p.Customers {
		fmt.Printf("\n%s\n  e-mail    %s\n  password  %s\n", c.Name, c.Email, c.Password)
	}
	for _, s := range p.Staff {
		fmt.Printf("\nSupport desk, %s/desk/\n  e-mail    %s\n  password  %s\n", base, s.Email, s.Password)
	}
}
