package observe

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Pool has the metrics of a pool asked for whenever metrics are collected,
// until stop is called. The name tells pools apart: it is an attribute, so give
// it no address.
func (o *Observer) Pool(name string, pool interface{ Stat() *pgxpool.Stat }) (stop func() error, err error) {
	if name == "" {
		return nil, errors.New("the pool has no name (name it by what it is for)")
	}
	m := &maker{meter: o.meter}
	var (
		connections = m.askedGauge("watertight.pool.connections")
		limit       = m.askedGauge("watertight.pool.limit")
		waits       = m.askedCounter("watertight.pool.waits")
		waited      = m.askedSeconds("watertight.pool.wait.time")
	)
	if err := errors.Join(m.errs...); err != nil {
		return nil, err
	}
	this := attribute.String("pool", name)
	in := func(state string) metric.MeasurementOption {
		return metric.WithAttributes(this, attribute.String("state", state))
	}
	registration, err := o.meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		s := pool.Stat()
		to.ObserveInt64(connections, int64(s.IdleConns()), in("idle"))
		to.ObserveInt64(connections, int64(s.AcquiredConns()), in("used"))
		to.ObserveInt64(connections, int64(s.ConstructingConns()), in("constructing"))
		to.ObserveInt64(limit, int64(s.MaxConns()), metric.WithAttributes(this))
		to.ObserveInt64(waits, s.EmptyAcquireCount(), metric.WithAttributes(this))
		to.ObserveFloat64(waited, s.EmptyAcquireWaitTime().Seconds(), metric.WithAttributes(this))
		return nil
	}, connections, limit, waits, waited)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}
