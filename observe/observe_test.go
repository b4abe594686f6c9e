package observe_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/observe"
	"github.com/watertight-go/watertight/tenancy"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const notes = `
create schema app;
create table app.notes (tenant_id uuid not null, id bigint not null, body text not null, primary key (tenant_id, id), unique (tenant_id, body));
select watertight.protect('app.notes');`

// exported is what the SDK's exporters in memory got.
type exported struct {
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
}

func newObserver(t *testing.T, cfg observe.Config) (*observe.Observer, exported) {
	t.Helper()
	e := exported{tracetest.NewInMemoryExporter(), metric.NewManualReader()}
	cfg.TracerProvider = trace.NewTracerProvider(trace.WithSyncer(e.spans))
	cfg.MeterProvider = metric.NewMeterProvider(metric.WithReader(e.reader))
	o, err := observe.New(cfg)
	require.NoError(t, err)
	return o, e
}

func (e exported) metrics(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, e.reader.Collect(t.Context(), &all))
	found := map[string]metricdata.Metrics{}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			found[m.Name] = m
		}
	}
	return found
}

// sum is a counter's value where the attribute has the value.
func sum(t *testing.T, m metricdata.Metrics, key, value string) (n int64) {
	t.Helper()
	data, ok := m.Data.(metricdata.Sum[int64])
	require.True(t, ok, "%q is a %T", m.Name, m.Data)
	for _, p := range data.DataPoints {
		if v, ok := p.Attributes.Value(attribute.Key(key)); ok && v.AsString() == value {
			n += p.Value
		}
	}
	return n
}

// members knows who belongs where.
type members map[tenancy.ID]uuid.UUID

func (m members) Member(_ context.Context, c *tenancy.Conn, user uuid.UUID) (tenancy.Role, error) {
	for _, known := range m {
		if known == user {
			return tenancy.RoleOwner, nil
		}
	}
	return "", tenancy.ErrNotAdmitted
}
func (m members) Active(context.Context, *tenancy.Conn) error { return nil }

// world is a database with two tenants, of which anna belongs to the first.
type world struct {
	d    *pgtest.Database
	db   *tenancy.DB
	a, b tenancy.ID
	anna tenancy.Actor
}

func newWorld(t *testing.T, o *observe.Observer, change ...func(*tenancy.Config)) *world {
	t.Helper()
	w := &world{
		d: pgtest.New(t, pgtest.Config{Setup: []string{notes}}), a: tenancy.NewID(), b: tenancy.NewID(),
		anna: tenancy.Actor{UserID: uuid.New(), Email: "anna@alpha.example", Request: "request-of-anna"},
	}
	_, err := w.d.Admin(t).Exec(t.Context(), "insert into watertight.tenants (id, name) values ($1, 'Alpha'), ($2, 'Beta')", w.a, w.b)
	require.NoError(t, err)
	cfg := tenancy.Config{Key: w.d.Key, Registry: members{w.a: w.anna.UserID}, Version: "v1"}
	for _, c := range change {
		c(&cfg)
	}
	o.Attach(&cfg)
	w.db, err = tenancy.Open(t.Context(), w.d.AppURL, cfg)
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	return w
}

const (
	insertNote = "-- name: AddNote :exec\ninsert into app.notes (tenant_id, id, body) values ($1, $2, $3)"
	readNote   = "-- name: GetNote :one\nselect body from app.notes where tenant_id = $1 and id = $2"
	secret     = "the patient's diagnosis"
)

// work does what a service does, well and badly.
func (w *world) work(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	s, err := w.db.Admit(ctx, w.anna, w.a)
	require.NoError(t, err)
	c := w.db.For(s)
	_, err = c.Exec(ctx, insertNote, w.a, int64(1), secret)
	require.NoError(t, err)
	_, err = c.Exec(ctx, insertNote, w.a, int64(2), secret) // its body is there
	require.Error(t, err)
	_, err = c.Exec(ctx, "select ($1::text)::int", secret) // the text of this error quotes the value
	require.ErrorContains(t, err, secret)
	var body string
	require.ErrorIs(t, c.QueryRow(ctx, readNote, w.b, int64(1)).Scan(&body), tenancy.ErrTenantMismatch)
	_, err = w.db.Admit(ctx, tenancy.Actor{UserID: uuid.New(), Email: "eve@evil.example"}, w.b)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	require.NoError(t, w.db.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
		return c.QueryRow(ctx, readNote, w.a, int64(1)).Scan(&body)
	}))
	require.Equal(t, secret, body)
}

func TestSpansAndMetrics(t *testing.T) {
	t.Parallel()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	o, e := newObserver(t, observe.Config{Tenant: observe.TenantHashed, TenantKey: key})
	var told []tenancy.Refusal
	w := newWorld(t, o, func(c *tenancy.Config) {
		c.Refused = func(_ context.Context, r tenancy.Refusal) { told = append(told, r) }
	})
	stop, err := o.Pool("app", w.db)
	require.NoError(t, err)
	w.work(t)
	require.Len(t, told, 1, "whoever listened before is told as before")

	spans := e.spans.GetSpans()
	named := func(name string) (list []tracetest.SpanStub) {
		for _, s := range spans {
			if s.Name == name {
				list = append(list, s)
			}
		}
		return list
	}
	added := named("AddNote")
	require.Len(t, added, 2)
	require.Equal(t, codes.Unset, added[0].Status.Code)
	require.Equal(t, codes.Error, added[1].Status.Code)
	require.Contains(t, added[1].Attributes, attribute.String("error.type", "23505"))
	tx := named("transaction")
	require.Len(t, tx, 1)
	read := named("GetNote")
	require.Len(t, read, 2)
	require.Contains(t, read[0].Attributes, attribute.String("error.type", "tenant_mismatch"))
	require.Equal(t, tx[0].SpanContext.SpanID(), read[1].Parent.SpanID(), "a statement lies in its transaction")

	of := func(s tracetest.SpanStub) string {
		i := slices.IndexFunc(s.Attributes, func(a attribute.KeyValue) bool { return a.Key == "watertight.tenant" })
		require.GreaterOrEqual(t, i, 0, s.Name)
		return s.Attributes[i].Value.AsString()
	}
	require.Len(t, of(added[0]), 32)
	require.Equal(t, of(added[0]), of(tx[0]), "one tenant has one name")
	admitted := named("admit")
	require.NotEqual(t, of(added[0]), of(admitted[len(admitted)-1]), "another has another")

	m := e.metrics(t)
	require.Equal(t, int64(1), sum(t, m["watertight.refusals"], "reason", "not_admitted"))
	require.Equal(t, int64(1), sum(t, m["watertight.refusals"], "reason", "tenant_mismatch"))
	durations := m["watertight.operation.duration"].Data.(metricdata.Histogram[float64])
	counts := map[string]uint64{}
	for _, p := range durations.DataPoints {
		kind, _ := p.Attributes.Value("watertight.kind")
		counts[kind.AsString()] += p.Count
	}
	require.Equal(t, map[string]uint64{"statement": 5, "transaction": 1, "admission": 2}, counts)
	limit := m["watertight.pool.limit"].Data.(metricdata.Gauge[int64])
	require.Equal(t, int64(w.db.Stat().MaxConns()), limit.DataPoints[0].Value)
	require.NoError(t, stop())
	require.NotContains(t, e.metrics(t), "watertight.pool.limit", "a pool that is gone is asked no more")
}

// A context that the database does not take is counted: the key was never
// given to it.
func TestContextFailuresAreCounted(t *testing.T) {
	t.Parallel()
	o, e := newObserver(t, observe.Config{})
	w := newWorld(t, o, func(c *tenancy.Config) {
		var err error
		c.Key, err = tenancy.NewContextKey()
		require.NoError(t, err)
	})
	s, err := w.db.Admit(t.Context(), w.anna, w.a)
	require.NoError(t, err)
	c := w.db.For(s)
	var body string
	require.ErrorIs(t, c.QueryRow(t.Context(), readNote, w.a, int64(1)).Scan(&body), tenancy.ErrContextInvalid)
	require.Equal(t, int64(1), sum(t, e.metrics(t)["watertight.context.failures"], "reason", "context_invalid"))
}

// Nothing that a service keeps to itself is in what leaves it.
func TestNothingIsGivenAway(t *testing.T) {
	t.Parallel()
	o, e := newObserver(t, observe.Config{})
	w := newWorld(t, o)
	_, err := o.Pool("app", w.db)
	require.NoError(t, err)
	w.work(t)
	var said strings.Builder
	for _, s := range e.spans.GetSpans() {
		said.WriteString(s.Name + " " + s.Status.Description + " ")
		for _, a := range s.Attributes {
			said.WriteString(string(a.Key) + "=" + a.Value.String() + " ")
		}
		for _, event := range s.Events {
			said.WriteString(event.Name + " ")
			for _, a := range event.Attributes {
				said.WriteString(a.Value.String() + " ")
			}
		}
	}
	for _, m := range e.metrics(t) {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				said.WriteString(p.Attributes.Encoded(attribute.DefaultEncoder()) + " ")
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				said.WriteString(p.Attributes.Encoded(attribute.DefaultEncoder()) + " ")
			}
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				said.WriteString(p.Attributes.Encoded(attribute.DefaultEncoder()) + " ")
			}
		}
	}
	config, err := pgx.ParseConfig(w.d.AppURL)
	require.NoError(t, err)
	for what, value := range map[string]string{
		"an argument": secret, "this tenant": w.a.String(), "another tenant": w.b.String(), "the account": w.anna.UserID.String(),
		"the e-mail": "anna@", "a stranger's e-mail": "eve@", "SQL": "app.notes", "the request": w.anna.Request,
		"the database": config.Database, "the server": config.Host, "a URL": "postgres://", "a token": "w1.",
	} {
		require.NotContains(t, said.String(), value, what)
	}
	require.Contains(t, said.String(), "GetNote", "control: it says something")

	plain, e := newObserver(t, observe.Config{Tenant: observe.TenantPlain})
	_, end := plain.Begin(t.Context(), tenancy.Operation{Kind: tenancy.OperationStatement, Tenant: w.a, Action: "X"})
	end(nil)
	require.Contains(t, e.spans.GetSpans()[0].Attributes, attribute.String("watertight.tenant", w.a.String()), "only who asks for it gets the ID")
}

func TestSealer(t *testing.T) {
	t.Parallel()
	o, e := newObserver(t, observe.Config{})
	rounds, failures := 0, 0
	cfg := audit.SealerConfig{Sealed: func(audit.Round) { rounds++ }, Failed: func(error) { failures++ }}
	stop, err := o.AttachSealer(&cfg)
	require.NoError(t, err)
	cfg.Sealed(audit.Round{Events: 7, Lag: 3 * time.Second, Took: time.Millisecond})
	cfg.Failed(errors.New(secret))
	require.Equal(t, []int{1, 1}, []int{rounds, failures}, "whoever listened before is told as before")
	m := e.metrics(t)
	require.InDelta(t, 3, m["watertight.seal.lag"].Data.(metricdata.Gauge[float64]).DataPoints[0].Value, 1e-9)
	require.Equal(t, int64(7), m["watertight.seal.events"].Data.(metricdata.Sum[int64]).DataPoints[0].Value)
	require.Equal(t, int64(1), sum(t, m["watertight.seal.failures"], "error.type", "other"))
	require.Contains(t, m, "watertight.seal.age")
	require.NoError(t, stop())
	require.NotContains(t, e.metrics(t), "watertight.seal.age")
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, cfg := range []observe.Config{
		{Tenant: 9},
		{Tenant: observe.TenantHashed},
		{Tenant: observe.TenantHashed, TenantKey: make([]byte, 31)},
		{TenantKey: make([]byte, 32)},
	} {
		_, err := observe.New(cfg)
		require.ErrorContains(t, err, "observe.Config: Tenant")
	}
	o, err := observe.New(observe.Config{})
	require.NoError(t, err)
	_, err = o.Pool("", nil)
	require.ErrorContains(t, err, "name it by what it is for")
}
