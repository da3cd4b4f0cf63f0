package result

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRatiosAreToTheBaselinesOfTheSameGroup(t *testing.T) {
	of := func(variant, subject, baseline string, v float64) *Series {
		return &Series{Scenario: "hello", Variant: variant, Subject: subject, Baseline: baseline, Samples: []float64{v}}
	}
	r := &Run{Series: []*Series{
		of("python", "Docker", "", 30), of("python", "bare python3", Bare, 10), of("python", "docker exec", Docker, 300),
		of("go", "Docker", "", 30), of("go", "beside", Beside, 5),
		{Scenario: "hello", Variant: "python", Subject: "none"},
	}}
	r.Summarise()
	if diff := cmp.Diff(map[string]float64{Bare: 3, Docker: 0.1}, r.Series[0].Ratios); diff != "" {
		t.Error(diff)
	}
	if r.Series[3].Ratios != nil || r.Series[5].Summary != nil || r.Series[5].Ratios != nil {
		t.Errorf("%+v, %+v", r.Series[3], r.Series[5])
	}
	if groups := r.Groups(); len(groups) != 2 || len(groups[0]) != 4 {
		t.Errorf("%d groups", len(groups))
	}
}

func TestTheDocumentIsReadBackAsItWasWritten(t *testing.T) {
	r := &Run{Schema: Schema, Kind: Measure, Seed: 7, Series: []*Series{{Scenario: "wire", Subject: "server", Samples: []float64{1.5, 2}, At: []float64{0, 1}}}}
	r.Series[0].Fail("broken", false)
	r.Series[0].Fail("broken", false)
	r.Series[0].Fail("wrong", true)
	r.Summarise()
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
	if failed, wrong := got.Failed(); failed != 3 || wrong != 1 {
		t.Errorf("%d failed, %d wrong", failed, wrong)
	}
}

func TestWhatIsNoReportSaysSo(t *testing.T) {
	for text, want := range map[string]string{`not JSON`: "-o report.json", `{"schema":"other/1"}`: `"other/1"`} {
		path := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
