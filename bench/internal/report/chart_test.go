package report

import (
	"encoding/xml"
	"errors"
	"html/template"
	"io"
	"math"
	"strings"
	"testing"
)

// wellFormed reads the picture as XML and counts its elements.
func wellFormed(t *testing.T, picture template.HTML) map[string]int {
	t.Helper()
	elements := map[string]int{}
	for decoder := xml.NewDecoder(strings.NewReader(string(picture))); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return elements
		}
		if err != nil {
			t.Fatalf("%v in %s", err, picture)
		}
		if start, ok := token.(xml.StartElement); ok {
			elements[start.Name.Local]++
			for _, a := range start.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s has %s=%q", start.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

func TestPicturesAreWellFormedWhateverTheyShow(t *testing.T) {
	rows := []Row{
		{Name: `<b> & "x"`, Class: "product", Median: 1.2e6, Low: 1e6, High: 2e6, P90: 5e6, Samples: []float64{1e6, 1.2e6, 5e6}},
		{Name: "constant", Class: "bare", Median: 1e6, Samples: []float64{1e6, 1e6}},
		{Name: "nothing", Class: "docker"},
	}
	if n := wellFormed(t, Bars(rows))["rect"]; n != len(rows) {
		t.Errorf("%d bars", n)
	}
	wellFormed(t, Distributions(rows))
	wellFormed(t, Bars(nil))
	lines := []Line{{Name: "p50", X: []float64{0, 1, 2}, Y: []float64{1, 3, 2}}, {Name: "none"}}
	if n := wellFormed(t, Lines(lines, false, Number, Number))["path"]; n != 2 {
		t.Errorf("%d curves", n)
	}
	wellFormed(t, Lines(nil, true, Number, Number))
}

func TestScalesSpanTheirValues(t *testing.T) {
	s := logScale([]float64{0, 20, 3000}, 0, 300)
	if s.low != 10 || s.high != 10000 || math.Abs(s.at(100)-100) > 1e-9 || s.at(0) != 0 || s.at(1e9) != 300 {
		t.Errorf("%+v: %v", s, s.at(100))
	}
	if l := linearScale([]float64{3, 17}, 100, 0); l.high != 20 || l.at(5) != 75 {
		t.Errorf("%+v", l)
	}
}

func TestDurationsHaveThreeDigits(t *testing.T) {
	for ns, want := range map[float64]string{
		1.5: "1.50 ns", 0: "0 ns", 999.6: "1.00 µs", 1234: "1.23 µs", 56_780: "56.8 µs", 123_456: "123 µs",
		1e6: "1.00 ms", 104.4e6: "104 ms", 1.5e9: "1.50 s", 100e9: "100 s", 0.25: "0.25 ns",
	} {
		if got := Duration(ns); got != want {
			t.Errorf("%v ns is %q, want %q", ns, got, want)
		}
	}
}
