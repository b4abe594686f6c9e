// Command watertight-vet runs in go vet and reports Go code that goes around
// the proof of the queries; see package lint/goanalysis.
//
//	go vet -vettool=$(which watertight-vet) ./...
package main

import (
	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/watertight-go/watertight/lint/goanalysis"
)

func main() { unitchecker.Main(goanalysis.Analyzer) }
