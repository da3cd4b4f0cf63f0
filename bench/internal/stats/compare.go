package stats

import (
	"slices"

	"github.com/montanaflynn/stats"
	"golang.org/x/perf/benchmath"
)

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
