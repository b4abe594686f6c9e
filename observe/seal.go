package observe

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/watertight-go/watertight/audit"
)

// AttachSealer makes a sealer that is opened with the configuration tell o,
// until stop is called. A sealer that stands still is seen in the age of its
// last round, which goes on growing.
func (o *Observer) AttachSealer(cfg *audit.SealerConfig) (stop func() error, err error) {
	var last atomic.Int64 // when the last round ended
	last.Store(time.Now().UnixNano())
	sealed, failed := cfg.Sealed, cfg.Failed
	cfg.Sealed = func(r audit.Round) {
		last.Store(time.Now().UnixNano())
		o.sealed(r)
		if sealed != nil {
			sealed(r)
		}
	}
	cfg.Failed = func(err error) {
		o.sealFailures.Add(context.Background(), 1, metric.WithAttributes(attribute.String("error.type", nameOf(err))))
		if failed != nil {
			failed(err)
		} else {
			slog.Error("audit sealer", "error", err) // what the sealer does by itself
		}
	}
	m := &maker{meter: o.meter}
	age := m.askedAge("watertight.seal.age")
	if err := errors.Join(m.errs...); err != nil {
		return nil, err
	}
	registration, err := o.meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		to.ObserveFloat64(age, time.Since(time.Unix(0, last.Load())).Seconds())
		return nil
	}, age)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}

func (o *Observer) sealed(r audit.Round) {
	ctx := context.Background()
	o.sealLag.Record(ctx, r.Lag.Seconds())
	o.sealEvents.Add(ctx, int64(r.Events))
	o.sealDuration.Record(ctx, r.Took.Seconds())
}
