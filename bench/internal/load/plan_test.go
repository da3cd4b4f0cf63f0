package load

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestArrivalsAreEvenlySpaced(t *testing.T) {
	p := planOf(&Scenario{Model: "open", Rate: 250, Duration: Duration(2 * time.Second)})
	var last time.Duration
	n := 0
	for at := range p.arrivals(nil) {
		if gap := at - last; (gap - 4*time.Millisecond).Abs() > 50*time.Microsecond {
			t.Fatalf("arrival %d is %v behind the one before", n, gap)
		}
		last = at
		n++
	}
	if n < 499 || n > 500 {
		t.Errorf("%d arrivals", n)
	}
}

func TestARampHasAsManyArrivalsAsItsArea(t *testing.T) {
	p := plan{stages: []Stage{{Duration(2 * time.Second), 3000}, {Duration(time.Second), 3000}, {Duration(time.Second), 0}}}
	n, half := 0, 0
	for at := range p.arrivals(nil) {
		if n++; at < time.Second {
			half++
		}
	}
	if n < 7490 || n > 7510 { // 3000 + 3000 + 1500
		t.Errorf("%d arrivals", n)
	}
	if half < 745 || half > 755 { // a quarter of the first ramp's
		t.Errorf("%d arrivals in the first second", half)
	}
}

func TestIndependentArrivalsHaveTheRateAndTheSpreadOfPoisson(t *testing.T) {
	p := planOf(&Scenario{Model: "open", Rate: 1000, Duration: Duration(20 * time.Second)})
	var gaps []float64
	var last time.Duration
	for at := range p.arrivals(rand.New(rand.NewPCG(1, 2))) {
		gaps = append(gaps, (at - last).Seconds())
		last = at
	}
	var sum, squares float64
	for _, g := range gaps {
		sum += g
	}
	mean := sum / float64(len(gaps))
	for _, g := range gaps {
		squares += (g - mean) * (g - mean)
	}
	deviation := math.Sqrt(squares / float64(len(gaps)))
	if math.Abs(mean-0.001) > 0.00004 || math.Abs(deviation-0.001) > 0.00006 {
		t.Errorf("mean %v, deviation %v", mean, deviation)
	}
}

func TestAPlanRisesEvenly(t *testing.T) {
	p := plan{stages: []Stage{{Duration(10 * time.Second), 100}, {Duration(10 * time.Second), 50}}}
	for at, want := range map[time.Duration]float64{0: 0, 5 * time.Second: 50, 10 * time.Second: 100, 15 * time.Second: 75, 20 * time.Second: 0} {
		if got := p.at(at); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %v: %v, want %v", at, got, want)
		}
	}
	if p.most() != 100 || p.duration() != 20*time.Second {
		t.Errorf("most %v, duration %v", p.most(), p.duration())
	}
}
