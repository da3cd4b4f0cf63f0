package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/perf/benchfmt"

	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-update writes it):\n%s", name, diff)
	}
}

func samples(n int, from, step float64) (values, at []float64) {
	for i := range n {
		values = append(values, from+step*float64((i*37)%n))
		at = append(at, float64(i)*10)
	}
	return values, at
}

func series(scenario, variant, subject, baseline string, n int, from, step float64) *result.Series {
	s := &result.Series{Scenario: scenario, Variant: variant, Subject: subject, Baseline: baseline, Wanted: n, Warmup: 1}
	s.Samples, s.At = samples(n, from, step)
	return s
}

// madeUp is a run whose figures are made up.
func madeUp() *result.Run {
	r := &result.Run{
		Schema: result.Schema, Kind: result.Measure, Command: []string{"bench", "-seed", "7"}, Seed: 7, Seconds: 93,
		Started: time.Date(2026, 11, 27, 4, 0, 0, 0, time.UTC),
		Host: result.Facts{CPU: "Some CPU", CPUs: 2, MemoryBytes: 24 << 30, OS: "linux", Arch: "amd64", Distribution: "Some Linux",
			Kernel: "6.1", CgroupVersion: 2, Load1: 0.5, Go: "go1.26", Commit: "abc", Dirty: true, Engine: "20.10", Tools: map[string]string{"node": "v20"}},
		Server: result.Server{InProcess: true, Name: "codebeaker", Version: "1"},
		Runtimes: []protocol.Runtime{
			{RuntimeType: "Bun", Available: true, Version: "1.4", Isolation: protocol.Isolation{Score: 8}, ToolVersions: map[string]string{"bun": "1.4"}},
			{RuntimeType: "Deno", Reason: "deno is not on PATH: run `make tools` <now>"},
		},
		Method:    []string{"One thing ran at a time."},
		Published: []result.Published{{Scenario: "execute", Figure: "1.2 ms", Source: "a README", Measured: "an exception"}},
		Series: []*result.Series{
			{Scenario: "create", Subject: "Deno", NotBuilt: "not available: deno is not on PATH"},
			series("execute", "", "Bun", "", 100, 1e6, 1e4), series("execute", "", "bare process", result.Bare, 20, 5e5, 1e3),
			series("execute", "", "docker exec", result.Docker, 5, 1e8, 1e6),
			series("write", "1 KB", "Bun", "", 30, 3e5, 100), {Scenario: "execute", Subject: "Embedded", NotBuilt: "the runtime has no processes"},
		},
	}
	r.Series[1].Fail("broken | pipe\nin two lines", false)
	r.Series[4].Fail(`wrong output: got "<b>", want "x"`, true)
	r.Summarise()
	return r
}

func ms(v float64) *float64 { return &v }

// loaded is a load test whose figures are made up.
func loaded() *result.Run {
	r := madeUp()
	r.Kind, r.Series, r.Published, r.Aborted = result.Load, nil, nil, "interrupted"
	l := result.Latency{N: 1000, Mean: 1.2, StdDev: 0.3, Min: 0.5, Median: ms(1.1), P90: ms(1.9), P95: ms(2.2), P99: ms(4), P999: ms(7), Max: 9,
		Buckets: []result.Bucket{{From: 0.5, To: 1, Count: 400}, {From: 1, To: 2, Count: 550}, {From: 8.9, To: 9, Count: 50}}}
	r.Load = &result.LoadResult{
		Scenario: "mixed", Model: "open", Connections: 10, Sessions: 20, Idle: 5, Seconds: 2, Intended: 1010, Started: 1009, Done: 1000, Dropped: 1,
		Errors: map[string]int64{"-32005 Busy": 7, "wrong output": 2}, WrongOutputs: 2,
		Setup: result.Phase{Seconds: 0.1, MemoryBeforeMB: 20, MemoryAfterMB: 21, Connect: l, CreateSession: result.Latency{}},
		All:   l, Calls: []result.CallResult{{Name: "execute shell", Weight: 1, Done: 1000, Failed: 9, Latency: l}},
		Lines: []result.Second{{At: 1, Target: 500, Rate: 498, Median: ms(1), P90: ms(2), P99: ms(3), Max: 4, ServerMemory: 40},
			{At: 2, Target: 500, Rate: 502, Failed: 9, InFlight: 3, Max: 9}},
	}
	return r
}

func TestReportsAreAsTheirGoldenFiles(t *testing.T) {
	for name, r := range map[string]*result.Run{"measure": madeUp(), "load": loaded()} {
		for end, write := range formats {
			var text bytes.Buffer
			if err := write(&text, r); err != nil {
				t.Fatal(err)
			}
			golden(t, name+end, text.Bytes())
		}
		var text bytes.Buffer
		if err := Text(&text, r); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".terminal", text.Bytes())
	}
}

func TestTheComparisonIsAsItsGoldenFile(t *testing.T) {
	old, now := madeUp(), madeUp()
	now.Series[1] = series("execute", "", "Bun", "", 100, 2e6, 1e4)
	now.Series[2] = series("execute", "", "bare process", result.Bare, 3, 5e5, 1e3)
	old.Series[2] = now.Series[2]
	now.Series = now.Series[:4]
	compared, err := result.CompareRuns(old, now, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := Comparison(&text, compared); err != nil {
		t.Fatal(err)
	}
	golden(t, "comparison.terminal", text.Bytes())
}

// The page must work without a network: it names nothing elsewhere.
func TestThePageLoadsNothing(t *testing.T) {
	for _, r := range []*result.Run{madeUp(), loaded()} {
		var text bytes.Buffer
		if err := HTML(&text, r); err != nil {
			t.Fatal(err)
		}
		page := text.String()
		if found := regexp.MustCompile(`(?i)(https?:)?//[a-z]|<script|<link|@import|url\(|src=`).FindString(page); found != "" {
			t.Errorf("it has %q", found)
		}
		if !strings.Contains(page, "default-src 'none'") || strings.Count(page, "<svg") < 3 {
			t.Error("it has no policy, or no pictures")
		}
		for _, never := range []string{"<now>", "<b>", "ZgotmplZ", "NaN"} {
			if strings.Contains(page, never) {
				t.Errorf("it has %q", never)
			}
		}
		wellFormedPage(t, page)
	}
}

// wellFormedPage reads the page with the rules of HTML for elements without an end.
func wellFormedPage(t *testing.T, page string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(page, "<!doctype html>\n")))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// What benchstat reads must be what was measured.
func TestTheGoBenchmarkFormatIsReadByItsReader(t *testing.T) {
	r := madeUp()
	var text bytes.Buffer
	if err := GoBench(&text, r); err != nil {
		t.Fatal(err)
	}
	got := map[string][]float64{}
	for reader := benchfmt.NewReader(&text, "report"); reader.Scan(); {
		line, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			t.Fatalf("%v", reader.Result())
		}
		value, _ := line.Value("sec/op")
		got[string(line.Name)] = append(got[string(line.Name)], value)
	}
	if n := len(got["Execute/Bun"]); n != 100 || len(got["Write/1_KB/Bun"]) != 30 || len(got) != 4 {
		t.Errorf("%d samples, %d names", n, len(got))
	}
	if v := got["Execute/Bun"][0]; v < 0.99e-3 || v > 1.01e-3 {
		t.Errorf("%v s", v)
	}
}

func TestAPathMustHaveAKnownEndAndAFolder(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]bool{dir + "/a.html": true, dir + "/a.pdf": false, dir + "/none/a.md": false, "a": false} {
		if err := CheckPath(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := WriteFile(dir+"/r.md", madeUp()); err != nil {
		t.Error(err)
	}
}
