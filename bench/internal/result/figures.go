package result

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/montanaflynn/stats"
	"golang.org/x/perf/benchmath"
)

// Confidence is the level of the intervals.
const Confidence = 0.95

// ErrNoSamples is the error of Summarize for an empty sample.
var ErrNoSamples = errors.New("no samples")

// Summary describes a sample. Its values have the unit of the samples; a nil
// member is not known from so few.
type Summary struct {
	N      int     `json:"n"`
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"` // of an even number: between the middle two
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	// StdDev is that of the sample (divided by n-1), nil for a single one.
	StdDev *float64 `json:"stdDev"`
	// P90, P95 and P99 are by nearest rank: each is a value that was measured.
	P90 *float64 `json:"p90"`
	P95 *float64 `json:"p95"`
	P99 *float64 `json:"p99"`
	// MedianCI is the interval that holds the true median with Confidence; it
	// comes from the order of the samples and supposes no distribution.
	MedianCI *Interval `json:"medianCI"`
}

// Interval is a range with both ends in it.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Summarize describes a sample, whose order does not matter and is kept.
// Errors: ErrNoSamples; a sample that is not a finite number.
func Summarize(samples []float64) (Summary, error) {
	if len(samples) == 0 {
		return Summary{}, ErrNoSamples
	}
	for i, v := range samples {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Summary{}, fmt.Errorf("sample %d is %v", i, v)
		}
	}
	s := Summary{N: len(samples)}
	data := stats.Float64Data(samples)
	var errs [4]error
	s.Mean, errs[0] = data.Mean()
	s.Median, errs[1] = data.Median()
	s.Min, errs[2] = data.Min()
	s.Max, errs[3] = data.Max()
	if err := errors.Join(errs[:]...); err != nil {
		return Summary{}, err
	}
	if s.N > 1 {
		if deviation, err := data.StandardDeviationSample(); err == nil {
			s.StdDev = &deviation
		}
	}
	s.P90, s.P95, s.P99 = Percentile(samples, 90), Percentile(samples, 95), Percentile(samples, 99)
	s.MedianCI = medianCI(samples)
	return s, nil
}

// Needed is how many samples a percentile needs, so that at least one lies
// above its rank: 10 for the 90th, 20 for the 95th, 100 for the 99th.
func Needed(percent float64) int {
	return int(math.Round(100 / (100 - percent)))
}

// Percentile is that of a sample by nearest rank, nil from fewer samples than
// Needed.
func Percentile(samples []float64, percent float64) *float64 {
	if len(samples) < Needed(percent) {
		return nil
	}
	v, err := stats.PercentileNearestRank(samples, percent)
	if err != nil {
		return nil
	}
	return &v
}

// medianCI is nil where the sample is too small for a bounded interval.
func medianCI(samples []float64) *Interval {
	if len(samples) < 2 {
		return nil
	}
	summary := benchmath.AssumeNothing.Summary(sample(samples), Confidence)
	if math.IsInf(summary.Lo, 0) || math.IsInf(summary.Hi, 0) {
		return nil
	}
	return &Interval{summary.Lo, summary.Hi}
}

// Comparison says how a sample differs from an older one.
type Comparison struct {
	Old, New float64 // medians
	// Change is New/Old - 1, zero when Old is.
	Change float64
	// P is how likely so large a difference of ranks is between two samples of
	// the same distribution (Mann-Whitney U, two-sided). It is 1 where the test
	// cannot tell: all values equal, or a sample is empty.
	P      float64
	OldN   int
	NewN   int
	Reason string // why P is 1 without a test, "" when there was one
}

// Compare compares two samples by their ranks. Their order is kept.
func Compare(old, now []float64) Comparison {
	c := Comparison{OldN: len(old), NewN: len(now), P: 1}
	if len(old) > 0 {
		c.Old, _ = stats.Median(old) // its only error is an empty sample
	}
	if len(now) > 0 {
		c.New, _ = stats.Median(now)
	}
	if len(old) == 0 || len(now) == 0 {
		c.Reason = "a sample is empty"
		return c
	}
	if c.Old != 0 {
		c.Change = c.New/c.Old - 1
	}
	found := benchmath.AssumeNothing.Compare(sample(old), sample(now))
	c.P = found.P
	if found.P == 1 && len(found.Warnings) > 0 {
		c.Reason = found.Warnings[0].Error()
	}
	return c
}

// LeastP is the smallest P that two samples of these sizes can have, however
// far apart they are; 1 when one is empty.
func LeastP(n, m int) float64 {
	orders := 1.0 // in which the values of both can lie
	for i := 1; i <= m; i++ {
		orders *= float64(n+i) / float64(i)
	}
	return min(2/orders, 1)
}

// sample makes one of a copy, because making it sorts.
func sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
}
