package observe

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/watertight-go/watertight/tenancy"
)

// scope names this package as the source of spans and metrics.
const scope = "github.com/watertight-go/watertight/observe"

// Observer turns what it is told into spans and metrics. It is a
// [tenancy.Observer] and may serve any number of databases and sealers.
type Observer struct {
	cfg    Config
	tracer trace.Tracer
	meter  metric.Meter
	instruments
}

// New returns an observer.
func New(cfg Config) (*Observer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	o := &Observer{cfg: cfg, tracer: cfg.TracerProvider.Tracer(scope), meter: cfg.MeterProvider.Meter(scope)}
	var err error
	o.instruments, err = newInstruments(o.meter)
	return o, err
}

// Attach makes a database that is opened with the configuration tell o.
func (o *Observer) Attach(cfg *tenancy.Config) {
	cfg.Observer = o
	told := cfg.Refused
	cfg.Refused = func(ctx context.Context, r tenancy.Refusal) {
		o.Refused(ctx, r)
		if told != nil {
			told(ctx, r)
		}
	}
}

// Refused counts a refusal. Attach calls it; for the configuration of package
// tenancy/support, give it by hand.
func (o *Observer) Refused(ctx context.Context, r tenancy.Refusal) {
	o.refusals.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", nameOf(r.Err))))
}

// Begin implements [tenancy.Observer].
func (o *Observer) Begin(ctx context.Context, op tenancy.Operation) (context.Context, func(error)) {
	begun := time.Now()
	name := op.Action
	if name == "" {
		name = op.Kind
	}
	ctx, span := o.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(begun))
	if span.IsRecording() {
		span.SetAttributes(o.attributes(op)...)
	}
	return ctx, func(err error) {
		// The request's own context may have ended, which is no reason to lose the
		// measurement of how.
		o.ended(context.WithoutCancel(ctx), span, op, time.Since(begun), err)
	}
}

func (o *Observer) attributes(op tenancy.Operation) []attribute.KeyValue {
	list := []attribute.KeyValue{
		attribute.String("db.system.name", "postgresql"),
		attribute.String("watertight.kind", op.Kind),
		attribute.String("watertight.actor", op.Actor.String()),
	}
	if op.Action != "" {
		list = append(list, attribute.String("watertight.action", op.Action))
	}
	if op.Role != "" {
		list = append(list, attribute.String("watertight.role", string(op.Role)))
	}
	if op.Statements > 0 {
		list = append(list, attribute.Int("watertight.statements", op.Statements))
	}
	if tenant := o.tenantName(op.Tenant); tenant != "" {
		list = append(list, attribute.String("watertight.tenant", tenant))
	}
	return list
}

func (o *Observer) ended(ctx context.Context, span trace.Span, op tenancy.Operation, took time.Duration, err error) {
	labels := []attribute.KeyValue{attribute.String("watertight.kind", op.Kind)}
	if err != nil {
		name := nameOf(err)
		kind := attribute.String("error.type", name)
		labels = append(labels, kind)
		span.SetAttributes(kind)
		span.SetStatus(codes.Error, "") // no description: that would be the error's text
		if op.Kind == tenancy.OperationStatement {
			o.failed(ctx, name)
		}
	}
	span.End()
	o.duration.Record(ctx, took.Seconds(), metric.WithAttributes(labels...))
}

// failed counts what the database's Refused is not told of.
func (o *Observer) failed(ctx context.Context, name string) {
	reason := metric.WithAttributes(attribute.String("reason", name))
	switch {
	case contextFailures[name]:
		o.contextFailures.Add(ctx, 1, reason)
	case name == "tenant_mismatch":
		o.refusals.Add(ctx, 1, reason)
	}
}
