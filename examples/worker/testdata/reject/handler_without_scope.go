package main

import (
	"context"

	"github.com/watertight-go/watertight/examples/worker"
	"github.com/watertight-go/watertight/tenancy"
)

type remind struct{ Booking int64 }

func (remind) Kind() string { return "remind" }

func handlers(w *worker.Workers) {
	worker.Handle(w, func(context.Context, remind) error { return nil }) // want "type func\\(.*\\) error of .* does not match"
}

var _ tenancy.Scope
