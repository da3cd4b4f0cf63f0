package result

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// around makes n samples near a value.
func around(value float64, n int) []float64 {
	random := rand.New(rand.NewPCG(uint64(value), uint64(n)))
	samples := make([]float64, n)
	for i := range samples {
		samples[i] = value * (0.95 + random.Float64()/10)
	}
	return samples
}

func run(series ...*Series) *Run {
	return &Run{Schema: Schema, Kind: Measure, Series: series}
}

func of(subject, baseline string, samples []float64) *Series {
	return &Series{Scenario: "execute", Subject: subject, Baseline: baseline, Samples: samples}
}

func TestVerdicts(t *testing.T) {
	old := run(of("same", "", around(100, 30)), of("faster", "", around(100, 30)), of("within", "", around(100, 30)),
		of("beyond", "", around(100, 30)), of("few", "", around(100, 3)), of("machine", "bare", around(100, 30)), of("left", "", around(100, 30)))
	now := run(of("same", "", around(100.1, 30)), of("faster", "", around(50, 30)), of("within", "", around(108, 30)),
		of("beyond", "", around(150, 30)), of("few", "", around(1000, 3)), of("machine", "bare", around(200, 30)), of("added", "", around(1, 30)))
	r, err := CompareRuns(old, now, 0.2)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"same": Same, "faster": Faster, "within": Slower, "beyond": Regression, "few": TooFew,
		"machine": Slower, "added": New, "left": Missing}
	for _, row := range r.Rows {
		if key := row.Key[len("execute/"):]; row.Verdict != want[key] {
			t.Errorf("%s: %s, want %s: %+v", key, row.Verdict, want[key], row)
		}
	}
	if len(r.Rows) != len(want) || r.Machine < 0.8 || r.Machine > 1.2 {
		t.Errorf("%d rows, the machine changed by %v", len(r.Rows), r.Machine)
	}
	if r.TooFew() != 1 || r.Alpha != Alpha/5 {
		t.Errorf("%d rows are too few, alpha is %v", r.TooFew(), r.Alpha)
	}
	if rows := r.Regressions(); len(rows) != 2 {
		t.Errorf("%+v", rows)
	}
}

// Of many rows that did not change none may count as a regression.
func TestManyRowsOfNoiseAreNoRegression(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	noise := func() (series []*Series) {
		for i := range 200 {
			samples := make([]float64, 30)
			for j := range samples {
				samples[j] = 100 + 100*random.ExpFloat64()
			}
			series = append(series, of(string(rune('a'+i%26))+string(rune('a'+i/26)), "", samples))
		}
		return series
	}
	r, err := CompareRuns(run(noise()...), run(noise()...), 0)
	if err != nil || len(r.Regressions()) > 0 {
		t.Errorf("%v, %v", r.Regressions(), err)
	}
}

func TestReportsOfDifferentKindsAreNotCompared(t *testing.T) {
	if _, err := CompareRuns(run(), &Run{Kind: Load}, 0); !errors.Is(err, ErrKinds) {
		t.Errorf("%v", err)
	}
}
