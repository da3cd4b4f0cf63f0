package report

import (
	"fmt"
	"html/template"
	"maps"
	"slices"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// loadTables show what a load test found.
func loadTables(l *result.LoadResult) []Table {
	all := []Table{overview(l), latencies(l), setup(l)}
	if len(l.Errors) > 0 || l.Dropped > 0 || l.WrongOutputs > 0 {
		all = append(all, loadErrors(l))
	}
	return append(all, timeline(l))
}

func overview(l *result.LoadResult) Table {
	counts := "latency counts from the intended start of each call, so that a server which stalls cannot hide it"
	if l.Model != "open" {
		counts = "each worker calls again when it has its answer, so that a slow server gets fewer calls: compare rates, not latencies"
	}
	return Table{
		Title: "Load: " + l.Scenario, Means: "The " + l.Model + " model: " + counts + ".",
		Head: []string{"", "connections", "idle", "sessions", "seconds", "intended", "done", "failed", "calls/s"},
		Rows: [][]string{{l.Model, fmt.Sprint(l.Connections), fmt.Sprint(l.Idle), fmt.Sprint(l.Sessions), Number(l.Seconds),
			fmt.Sprint(l.Intended), fmt.Sprint(l.Done), fmt.Sprint(l.Failed()), Number(float64(l.Done) / max(l.Seconds, 1e-9))}},
	}
}

var latencyHead = []string{"", "n", "failed", "median", "mean", "p90", "p95", "p99", "p99.9", "min", "max", "std dev"}

func latencies(l *result.LoadResult) Table {
	t := Table{Title: "Latency", Head: latencyHead}
	for _, c := range l.Calls {
		t.Rows = append(t.Rows, latencyRow(c.Name, fmt.Sprint(c.Failed), c.Latency))
	}
	t.Rows = append(t.Rows, latencyRow("all", fmt.Sprint(l.Failed()), l.All))
	return t
}

func setup(l *result.LoadResult) Table {
	t := Table{Title: fmt.Sprintf("Set-up, in %.1f s", l.Setup.Seconds), Head: latencyHead, Rows: [][]string{
		latencyRow("connect", "0", l.Setup.Connect), latencyRow("session.create", "0", l.Setup.CreateSession)}}
	if before, after := l.Setup.MemoryBeforeMB, l.Setup.MemoryAfterMB; before > 0 && after > 0 {
		t.Notes = []string{fmt.Sprintf("the server's resident memory went from %.0f MB to %.0f MB: %.1f KB for each of %d connections with their sessions",
			before, after, (after-before)*1024/float64(max(l.Connections+l.Idle, 1)), l.Connections+l.Idle)}
	}
	return t
}

func latencyRow(name, failed string, l result.Latency) []string {
	if l.N == 0 {
		return []string{name, "0", failed, "–", "–", "–", "–", "–", "–", "–", "–", "–"}
	}
	ms := func(v float64) string { return Duration(v * 1e6) }
	maybe := func(v *float64) string {
		if v == nil {
			return "–"
		}
		return ms(*v)
	}
	return []string{name, fmt.Sprint(l.N), failed, maybe(l.Median), ms(l.Mean), maybe(l.P90), maybe(l.P95), maybe(l.P99), maybe(l.P999),
		ms(l.Min), ms(l.Max), ms(l.StdDev)}
}

func loadErrors(l *result.LoadResult) Table {
	t := Table{Title: "Errors by code", Head: []string{"", "calls"}}
	for _, code := range slices.Sorted(maps.Keys(l.Errors)) {
		t.Rows = append(t.Rows, []string{code, fmt.Sprint(l.Errors[code])})
	}
	if l.Dropped > 0 {
		t.Rows = append(t.Rows, []string{"not started: too many in flight", fmt.Sprint(l.Dropped)})
	}
	return t
}

// mostLines is how many seconds the timeline of a text shows at most; longer
// ones are thinned.
const mostLines = 20

func timeline(l *result.LoadResult) Table {
	t := Table{Title: "Over time", Head: []string{"second", "aimed at", "calls/s", "failed", "in flight", "median", "p90", "p99", "max", "server memory"}}
	step := max((len(l.Lines)+mostLines-1)/mostLines, 1)
	for i := 0; i < len(l.Lines); i += step {
		t.Rows = append(t.Rows, Second(l.Lines[i]))
	}
	return t
}

// Second shows a line of the live view, with the columns of the timeline.
func Second(s result.Second) []string {
	maybe := func(v *float64) string {
		if v == nil {
			return "–"
		}
		return Duration(*v * 1e6)
	}
	memory := "–"
	if s.ServerMemory > 0 {
		memory = fmt.Sprintf("%.0f MB", s.ServerMemory)
	}
	return []string{Number(s.At), Number(s.Target), Number(s.Rate), fmt.Sprint(s.Failed), fmt.Sprint(s.InFlight),
		maybe(s.Median), maybe(s.P90), maybe(s.P99), Duration(s.Max * 1e6), memory}
}

// windowSamples is how many samples a window needs for its p90.
const windowSamples = 10

// mostWindows is how many windows a run is divided into.
const mostWindows = 10

// overTime are the median and the 90th percentile of each subject in windows of
// the run: a drift, or a machine that was disturbed for a while, shows here.
func overTime(group []*result.Series) (lines []Line) {
	for i, s := range group {
		windows := min(len(s.Samples)/windowSamples, mostWindows)
		if windows < 3 || len(s.At) != len(s.Samples) {
			continue
		}
		median := Line{Name: s.Subject + " median", Colour: i}
		high := Line{Name: s.Subject + " p90", Colour: i, Dashed: true}
		for w := range windows {
			from, to := len(s.Samples)*w/windows, len(s.Samples)*(w+1)/windows
			summary, err := result.Summarize(s.Samples[from:to])
			if err != nil || summary.P90 == nil {
				continue
			}
			at := s.At[(from+to)/2] / 1000
			median.X, median.Y = append(median.X, at), append(median.Y, summary.Median)
			high.X, high.Y = append(high.X, at), append(high.Y, *summary.P90)
		}
		lines = append(lines, median, high)
	}
	return lines
}

// loadSections are the tables of a load test with its pictures.
func loadSections(l *result.LoadResult) (sections []section) {
	for _, t := range loadTables(l) {
		s := section{Table: t}
		switch t.Title {
		case "Latency":
			s.Plots = []plot{{"latency by percentile", byPercentile(l)}}
		case "Over time":
			s.Plots = timePlots(l.Lines)
		}
		sections = append(sections, s)
	}
	return sections
}

func timePlots(seconds []result.Second) []plot {
	value := func(name string, colour int, of func(result.Second) float64) Line {
		line := Line{Name: name, Colour: colour}
		for _, s := range seconds {
			line.X, line.Y = append(line.X, s.At), append(line.Y, of(s))
		}
		return line
	}
	at := func(p func(result.Second) *float64) func(result.Second) float64 {
		return func(s result.Second) float64 {
			if v := p(s); v != nil {
				return *v * 1e6
			}
			return 0
		}
	}
	axis := func(v float64) string { return Number(v) + " s" }
	return []plot{
		{"latency percentiles of each second", Lines([]Line{
			value("median", 0, at(func(s result.Second) *float64 { return s.Median })),
			value("p90", 1, at(func(s result.Second) *float64 { return s.P90 })),
			value("p99", 2, at(func(s result.Second) *float64 { return s.P99 })),
			value("max", 3, func(s result.Second) float64 { return s.Max * 1e6 }),
		}, true, Duration, axis)},
		{"calls in each second", Lines([]Line{
			value("aimed at", 7, func(s result.Second) float64 { return s.Target }),
			value("done", 0, func(s result.Second) float64 { return s.Rate }),
			value("failed", 3, func(s result.Second) float64 { return float64(s.Failed) }),
			value("in flight", 2, func(s result.Second) float64 { return float64(s.InFlight) }),
		}, false, Number, axis)},
		{"memory of the server", Lines([]Line{
			value("resident", 0, func(s result.Second) float64 { return s.ServerMemory }),
		}, false, func(v float64) string { return fmt.Sprintf("%.0f MB", v) }, axis)},
	}
}

// byPercentile shows the latency that a part of the calls did not exceed.
func byPercentile(l *result.LoadResult) template.HTML {
	var lines []Line
	for i, c := range l.Calls {
		line, seen := Line{Name: c.Name, Colour: i}, int64(0)
		for _, b := range c.Latency.Buckets {
			seen += b.Count
			line.X = append(line.X, 100*float64(seen)/float64(max(c.Latency.N, 1)))
			line.Y = append(line.Y, b.To*1e6)
		}
		lines = append(lines, line)
	}
	return Lines(lines, true, Duration, func(v float64) string { return Number(v) + " %" })
}
