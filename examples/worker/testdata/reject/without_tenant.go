package main

import (
	"context"

	"github.com/watertight-go/watertight/examples/worker"
	"github.com/watertight-go/watertight/tenancy"
)

type remind struct{ Booking int64 }

func (remind) Kind() string { return "remind" }

func book(ctx context.Context, q *worker.Queue, _ tenancy.Scope) error {
	return worker.Enqueue(ctx, q, remind{Booking: 1}) // want "not enough arguments in call to worker.Enqueue"
}
