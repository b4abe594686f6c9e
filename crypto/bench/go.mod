// The comparison with other libraries is a module of its own, so that nobody
// who imports Watertight inherits them.
module github.com/watertight-go/watertight/crypto/bench

go 1.26.0

replace github.com/watertight-go/watertight => ../..

require (
	filippo.io/age v1.3.2
	github.com/google/uuid v1.6.0
	github.com/tink-crypto/tink-go/v2 v2.9.0
	github.com/watertight-go/watertight v0.0.0
	golang.org/x/crypto v0.59.0
)

require (
	filippo.io/hpke v0.4.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/pgx/v5 v5.12.0 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	golang.org/x/sync v0.25.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
