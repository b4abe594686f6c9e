package observe_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/observe"
)

// prometheus are the names that a metric has in Prometheus, by the rules of
// OpenTelemetry's compatibility specification.
func prometheus(i observe.Instrument) []string {
	name := strings.ReplaceAll(i.Name, ".", "_")
	if i.Unit == "s" {
		name += "_seconds"
	}
	switch i.Kind {
	case observe.KindCounter:
		return []string{name + "_total"}
	case observe.KindHistogram:
		return []string{name + "_bucket", name + "_count", name + "_sum"}
	}
	return []string{name}
}

var (
	asked    = regexp.MustCompile(`\bwatertight_[a-z_]+`)
	labelled = regexp.MustCompile(`by \(([^)]*)\)|\{([a-z_]+)`)
)

// Every metric that the dashboard asks for exists, and every one that exists is
// on it.
func TestDashboardAsksForWhatThereIs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	known := map[string]string{} // the name in Prometheus → the instrument's
	for _, i := range observe.Instruments {
		for _, name := range prometheus(i) {
			known[name] = i.Name
		}
	}
	labels := []string{"le", "watertight_kind", "error_type", "reason", "pool", "state"}
	shown := map[string]bool{}
	for _, p := range dashboard.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			for _, name := range asked.FindAllString(target.Expr, -1) {
				if slices.Contains(labels, name) {
					continue
				}
				require.Contains(t, known, name, p.Title)
				shown[known[name]] = true
			}
			for _, found := range labelled.FindAllStringSubmatch(target.Expr, -1) {
				for label := range strings.SplitSeq(found[1]+found[2], ", ") {
					require.Contains(t, labels, label, p.Title)
				}
			}
		}
	}
	for _, i := range observe.Instruments {
		require.True(t, shown[i.Name], "%s is on no panel", i.Name)
	}
}

// The list of instruments is what the code makes: names, units, kinds.
func TestInstrumentsAreThoseThatAreMade(t *testing.T) {
	t.Parallel()
	o, e := newObserver(t, observe.Config{})
	w := newWorld(t, o)
	_, err := o.Pool("app", w.db)
	require.NoError(t, err)
	cfg := audit.SealerConfig{Failed: func(error) {}}
	_, err = o.AttachSealer(&cfg)
	require.NoError(t, err)
	w.work(t)
	cfg.Sealed(audit.Round{Events: 1})
	cfg.Failed(os.ErrClosed)
	made := e.metrics(t)
	for _, i := range observe.Instruments {
		if i.Name == "watertight.context.failures" {
			continue // nothing of the kind happened here, see TestContextFailuresAreCounted
		}
		require.Contains(t, made, i.Name)
		m := made[i.Name]
		require.Equal(t, i.Unit, m.Unit, i.Name)
		require.Equal(t, i.What, m.Description, i.Name)
		var kind observe.Kind
		switch m.Data.(type) {
		case metricdata.Sum[int64], metricdata.Sum[float64]:
			kind = observe.KindCounter
		case metricdata.Gauge[int64], metricdata.Gauge[float64]:
			kind = observe.KindGauge
		case metricdata.Histogram[float64]:
			kind = observe.KindHistogram
		}
		require.Equal(t, i.Kind, kind, i.Name)
		delete(made, i.Name)
	}
	require.Empty(t, made, "a metric that is not in the list")
}
