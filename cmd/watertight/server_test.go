package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watertight-go/watertight/internal/needs"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(stopServer{m}, map[string]func(){
		"watertight": main,
		// generate puts a link of this name to its own program on sqlc's PATH.
		"sqlc-gen-watertight": main,
	})
}

// testServer is the one server of the scripts, which each have a database of
// their own. A database with Watertight is always on it: a script that takes
// Watertight out would otherwise drop the roles that another one is installing.
var testServer struct {
	once   sync.Once
	server *pgtest.Server
	err    error
}

// serve returns the server, which the first test that wants it starts.
func serve(t *testing.T) *pgtest.Server {
	t.Helper()
	s := &testServer
	s.once.Do(func() {
		ctx := context.Background() // not the test's: the server outlives it
		if s.server, s.err = pgtest.Start(ctx, pgtest.Config{}); s.err == nil {
			_, s.err = s.server.CreateDatabase(ctx, "", pgtest.Config{})
		}
	})
	if _, ok := errors.AsType[*pgtest.NotFoundError](s.err); ok {
		needs.Missing(t, "%v", s.err)
	} else if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// stopServer runs the tests and ends the server that they started.
type stopServer struct{ m *testing.M }

func (s stopServer) Run() int {
	code := s.m.Run()
	if testServer.server != nil {
		if err := testServer.server.Stop(); err != nil {
			fmt.Fprintf(os.Stderr, "stop the server: %v\n", err)
		}
	}
	return code
}
