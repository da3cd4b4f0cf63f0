package result

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// upTo is 1, 2, ... n in a shuffled order.
func upTo(n int) []float64 {
	values := make([]float64, n)
	for i, v := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		values[i] = float64(v + 1)
	}
	return values
}

func pointer(v float64) *float64 { return &v }

func TestTheFiguresOfAKnownSample(t *testing.T) {
	got, err := Summarize([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	if err != nil {
		t.Fatal(err)
	}
	deviation := math.Sqrt(32.0 / 7) // the squared distances from 5 are 32
	// The ranks 1 and 7 hold the median with 1 - (1+8+1)/256 = 0.961.
	want := Summary{N: 8, Mean: 5, Median: 4.5, Min: 2, Max: 9, StdDev: &deviation, MedianCI: &Interval{2, 7}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPercentilesAreValuesThatWereMeasured(t *testing.T) {
	got, err := Summarize(upTo(100))
	if err != nil {
		t.Fatal(err)
	}
	if *got.P90 != 90 || *got.P95 != 95 || *got.P99 != 99 || got.Median != 50.5 {
		t.Errorf("p90 %v, p95 %v, p99 %v, median %v", *got.P90, *got.P95, *got.P99, got.Median)
	}
	// The ranks 40 and 60 hold the median of 100 with P(40 <= B(100, 1/2) < 60)
	// = 0.954.
	if want := (Interval{40, 60}); *got.MedianCI != want {
		t.Errorf("interval %v, want %v", *got.MedianCI, want)
	}
}

func TestAPercentileNeedsEnoughSamples(t *testing.T) {
	for n, want := range map[int][3]bool{9: {}, 10: {true}, 19: {true}, 20: {true, true}, 99: {true, true}, 100: {true, true, true}} {
		s, err := Summarize(upTo(n))
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]bool{s.P90 != nil, s.P95 != nil, s.P99 != nil}; got != want {
			t.Errorf("of %d: %v, want %v", n, got, want)
		}
	}
}

func TestTinyAndConstantSamples(t *testing.T) {
	if _, err := Summarize(nil); !errors.Is(err, ErrNoSamples) {
		t.Errorf("of none: %v", err)
	}
	if _, err := Summarize([]float64{1, math.NaN()}); err == nil {
		t.Error("not a number is a sample")
	}
	one, err := Summarize([]float64{3})
	if diff := cmp.Diff(Summary{N: 1, Mean: 3, Median: 3, Min: 3, Max: 3}, one); diff != "" || err != nil {
		t.Error(diff, err)
	}
	same, err := Summarize([]float64{7, 7, 7, 7, 7, 7})
	want := Summary{N: 6, Mean: 7, Median: 7, Min: 7, Max: 7, StdDev: pointer(0), MedianCI: &Interval{7, 7}}
	if diff := cmp.Diff(want, same); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// The interval must hold the true median in about 95 of 100 samples, whatever
// the distribution.
func TestTheIntervalHoldsTheMedianAsOftenAsItSays(t *testing.T) {
	random, held := rand.New(rand.NewPCG(3, 4)), 0
	const trials = 2000
	for range trials {
		samples := make([]float64, 30)
		for i := range samples {
			samples[i] = random.ExpFloat64() // its median is ln 2
		}
		if ci := medianCI(samples); ci.Low <= math.Ln2 && math.Ln2 <= ci.High {
			held++
		}
	}
	if part := float64(held) / trials; part < 0.94 || part > 0.99 {
		t.Errorf("it held the median in %.3f of the samples", part)
	}
}

func TestACompleteSeparationHasAKnownP(t *testing.T) {
	// Of the C(8,4) = 70 orders two are as extreme: P = 2/70.
	c := Compare([]float64{1, 2, 3, 4}, []float64{5, 6, 7, 8})
	if math.Abs(c.P-2.0/70) > 1e-9 || c.Old != 2.5 || c.New != 6.5 || math.Abs(c.Change-1.6) > 1e-9 {
		t.Errorf("%+v", c)
	}
}

func TestWhatDoesNotDifferIsNotSignificant(t *testing.T) {
	if c := Compare(upTo(50), upTo(50)); c.P < 0.9 || c.Change != 0 {
		t.Errorf("a sample and itself: %+v", c)
	}
	constant := []float64{5, 5, 5, 5}
	if c := Compare(constant, constant); c.P != 1 || c.Reason == "" {
		t.Errorf("constants: %+v", c)
	}
	if c := Compare(nil, constant); c.P != 1 || c.Reason == "" {
		t.Errorf("an empty one: %+v", c)
	}
}

func TestTheOrderOfSamplesIsKept(t *testing.T) {
	samples := upTo(20)
	before := slices.Clone(samples)
	if _, err := Summarize(samples); err != nil {
		t.Fatal(err)
	}
	Compare(samples, samples)
	if !slices.Equal(before, samples) {
		t.Error("they were sorted")
	}
}

// The least P is that of samples that lie as far apart as they can.
func TestLeastP(t *testing.T) {
	for _, sizes := range [][2]int{{1, 1}, {3, 3}, {3, 30}, {6, 6}, {10, 10}} {
		var low, high []float64
		for i := range sizes[0] {
			low = append(low, float64(i))
		}
		for i := range sizes[1] {
			high = append(high, float64(1000+i))
		}
		if got, want := LeastP(sizes[0], sizes[1]), Compare(low, high).P; math.Abs(got-want) > want/1e6 {
			t.Errorf("%v: %v, want %v", sizes, got, want)
		}
	}
	if p := LeastP(0, 5); p != 1 {
		t.Errorf("of nothing: %v", p)
	}
}
