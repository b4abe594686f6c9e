// Command sqlc-gen-watertight is the sqlc plugin that seals generated queries:
// it refuses queries that may leave their tenant, and writes the db.go in which
// New takes the handle of package tenancy and nothing else.
//
// sqlc starts it; nobody calls it by hand. "watertight generate" runs sqlc at
// the version this plugin knows, with the plugin on its PATH. To run sqlc by
// yourself, install the plugin beside it:
//
//	go install github.com/watertight-go/watertight/cmd/sqlc-gen-watertight@latest
//
// The options of the plugin and the block for sqlc.yaml are described in the
// documentation of "watertight generate --help".
package main

import (
	"os"

	"github.com/watertight-go/watertight/internal/lintgate"
	"github.com/watertight-go/watertight/internal/sqlcplugin"
)

func main() {
	os.Exit(sqlcplugin.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, lintgate.Gates()...))
}
