package main

import (
	"context"

	"github.com/watertight-go/watertight/examples/worker"
	"github.com/watertight-go/watertight/tenancy"
)

type remind struct{ Booking int64 }

func (remind) Kind() string { return "remind" }

// River's own client takes any arguments; the queue does not hand it out.
func book(ctx context.Context, q *worker.Queue, _ tenancy.Scope) error {
	_, err := q.client.Insert(ctx, remind{Booking: 1}, nil) // want "q.client undefined"
	return err
}
