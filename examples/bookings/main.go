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
	o := options{}
	flag.StringVar(&o.address, "addr", "127.0.0.1:0", "`HOST:PORT` to listen on; without a certificate, of this machine only")
	flag.StringVar(&o.cert, "cert", "", "`FILE` with a certificate, for https")
	flag.StringVar(&o.key, "key", "", "`FILE` with the certificate's key")
	flag.Parse()
	o.tour = !*serve
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bookings: error:", err)
		os.Exit(1)
	}
}

// options of the command line.
type options struct {
	address, cert, key string
	tour               bool
}

func (o options) https() bool { return o.cert != "" }

func run(ctx context.Context, o options) (err error) {
	if o.tour && o.https() {
		return errors.New("the tour needs no certificate (add -serve)")
	}
	listener, err := listen(ctx, o)
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

	handler, err := site.New(p, site.Config{HTTPS: o.https()})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute}
	base, failed := serve(web, listener, o)
	defer func() {
		shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, web.Shutdown(shut))
	}()
	if o.tour {
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

// serve starts serving and returns the address to say, and the error that ends
// it.
func serve(web *http.Server, listener net.Listener, o options) (base string, failed <-chan error) {
	ended := make(chan error, 1)
	if o.https() {
		go func() { ended <- web.ServeTLS(listener, o.cert, o.key) }()
		return "https://" + listener.Addr().String(), ended
	}
	go func() { ended <- web.Serve(listener) }()
	return "http://" + listener.Addr().String(), ended
}

// listen takes an address of this machine only, unless there is a certificate:
// passwords would cross a network in the clear.
func listen(ctx context.Context, o options) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w (choose another -addr)", err)
	}
	if !o.https() && !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return nil, errors.Join(errors.New("the address is open to a network, unencrypted (use 127.0.0.1, or give -cert and -key)"), listener.Close())
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
