package observe

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// An Instrument is a metric of this package.
type Instrument struct {
	Name string
	Unit string // of UCUM, as OpenTelemetry wants it
	Kind Kind
	What string
}

// Kind is how a metric behaves.
type Kind uint8

// The kinds.
const (
	KindCounter   Kind = iota // only grows
	KindGauge                 // is what it is at the moment
	KindHistogram             // is counted by size
)

// Instruments are all metrics, by the names that a dashboard or an alert asks
// for. A name is not used for another thing later.
var Instruments = []Instrument{
	{"watertight.operation.duration", "s", KindHistogram, "Time of statements, transactions and admissions, by watertight.kind and error.type."},
	{"watertight.refusals", "{refusal}", KindCounter, "Attempts at what is not the actor's, by reason: not_admitted, forbidden, tenant_mismatch."},
	{"watertight.context.failures", "{failure}", KindCounter, "Signed contexts that the database did not take, by reason."},
	{"watertight.pool.connections", "{connection}", KindGauge, "Connections of a pool, by state: idle, used, constructing."},
	{"watertight.pool.limit", "{connection}", KindGauge, "How many connections a pool may have."},
	{"watertight.pool.waits", "{wait}", KindCounter, "How often somebody waited for a connection."},
	{"watertight.pool.wait.time", "s", KindCounter, "How long they waited, in all."},
	{"watertight.seal.lag", "s", KindGauge, "Age of the oldest event when it was sealed, in the last round."},
	{"watertight.seal.age", "s", KindGauge, "Time since this process last completed a round."},
	{"watertight.seal.events", "{event}", KindCounter, "Events of the audit log that were sealed."},
	{"watertight.seal.duration", "s", KindHistogram, "Time of the sealer's rounds."},
	{"watertight.seal.failures", "{failure}", KindCounter, "Rounds that failed, by error.type."},
}

// instruments are those that are written to at once; the others are asked for.
type instruments struct {
	duration, sealDuration                              metric.Float64Histogram
	refusals, contextFailures, sealEvents, sealFailures metric.Int64Counter
	sealLag                                             metric.Float64Gauge
}

// maker makes instruments by their names and keeps what went wrong.
type maker struct {
	meter metric.Meter
	errs  []error
}

func (m *maker) described(name string) Instrument {
	for _, i := range Instruments {
		if i.Name == name {
			return i
		}
	}
	panic("observe: " + name + " is not in the list of instruments")
}

func keep[T any](m *maker, made T, err error) T {
	m.errs = append(m.errs, err)
	return made
}

func (m *maker) counter(name string) metric.Int64Counter {
	i := m.described(name)
	c, err := m.meter.Int64Counter(name, metric.WithUnit(i.Unit), metric.WithDescription(i.What))
	return keep(m, c, err)
}

func (m *maker) gauge(name string) metric.Float64Gauge {
	i := m.described(name)
	g, err := m.meter.Float64Gauge(name, metric.WithUnit(i.Unit), metric.WithDescription(i.What))
	return keep(m, g, err)
}

// bounds of histograms reach from a statement on the same machine to a
// transaction that somebody waits for.
var bounds = metric.WithExplicitBucketBoundaries(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

func (m *maker) histogram(name string) metric.Float64Histogram {
	i := m.described(name)
	h, err := m.meter.Float64Histogram(name, metric.WithUnit(i.Unit), metric.WithDescription(i.What), bounds)
	return keep(m, h, err)
}

func (m *maker) askedGauge(name string) metric.Int64ObservableGauge {
	i := m.described(name)
	g, err := m.meter.Int64ObservableGauge(name, metric.WithUnit(i.Unit), metric.WithDescription(i.What))
	return keep(m, g, err)
}

func (m *maker) askedCounter(name string) metric.Int64ObservableCounter {
	i := m.described(name)
	c, err := m.meter.Int64ObservableCounter(name, metric.WithUnit(i.Unit), metric.WithDescription(i.What))
	return keep(m, c, err)
}

func (m *maker) askedSeconds(name string) metric.Float64ObservableCounter {
	i := m.described(name)
	c, err := m.meter.Float64ObservableCounter(name, metric.WithUnit(i.Unit), metric.WithDescription(i.What))
	return keep(m, c, err)
}

func (m *maker) askedAge(name string) metric.Float64ObservableGauge {
	i := m.described(name)
	g, err := m.meter.Float64ObservableGauge(name, metric.WithUnit(i.Unit), metric.WithDescription(i.What))
	return keep(m, g, err)
}

func newInstruments(meter metric.Meter) (instruments, error) {
	m := &maker{meter: meter}
	made := instruments{
		duration:        m.histogram("watertight.operation.duration"),
		refusals:        m.counter("watertight.refusals"),
		contextFailures: m.counter("watertight.context.failures"),
		sealLag:         m.gauge("watertight.seal.lag"),
		sealEvents:      m.counter("watertight.seal.events"),
		sealDuration:    m.histogram("watertight.seal.duration"),
		sealFailures:    m.counter("watertight.seal.failures"),
	}
	return made, errors.Join(m.errs...)
}
