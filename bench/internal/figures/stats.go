// Package figures takes measurements and says how much they can be trusted.
package figures

import (
	"fmt"
	"math"
	"slices"
)

// A Spread is a median with the quartiles around it.
type Spread struct {
	Median, Low, High float64
}

// Of returns the spread of values, which it leaves as they are. Of none it is
// not a number.
func Of(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	return Spread{Median: quantile(sorted, 0.5), Low: quantile(sorted, 0.25), High: quantile(sorted, 0.75)}
}

// quantile interpolates between the two values around it.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	part := at - float64(below)
	return sorted[below]*(1-part) + sorted[above]*part
}

// Ratios divides round by round: what disturbed a round disturbed both sides
// of it, if they were measured side by side.
func Ratios(values, floor []float64) ([]float64, error) {
	if len(values) != len(floor) {
		return nil, fmt.Errorf("%d rounds are compared with %d", len(values), len(floor))
	}
	ratios := make([]float64, len(values))
	for i := range values {
		if floor[i] <= 0 {
			return nil, fmt.Errorf("round %d of the floor took no time", i+1)
		}
		ratios[i] = values[i] / floor[i]
	}
	return ratios, nil
}

// Half is half the distance between the quartiles.
func (s Spread) Half() float64 { return (s.High - s.Low) / 2 }

// String is the median and half the distance between the quartiles.
func (s Spread) String() string {
	if math.IsNaN(s.Median) {
		return "–"
	}
	return fmt.Sprintf("%.2f ±%.2f", s.Median, s.Half())
}
