package main

import (
	"context"

	"github.com/watertight-go/watertight/examples/worker"
	"github.com/watertight-go/watertight/tenancy"
)

type remind struct{ Booking int64 }

func (remind) Kind() string { return "remind" }

func handlers(w *worker.Workers) {
	worker.Handle(w, func(context.Context, tenancy.Scope, remind) error { return nil })
}

var _ tenancy.Scope
