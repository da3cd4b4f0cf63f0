package report

import (
	"fmt"
	"maps"
	"slices"

	"github.com/codebeaker/codebeaker/bench/internal/chart"
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
		Rows: [][]string{{l.Model, fmt.Sprint(l.Connections), fmt.Sprint(l.Idle), fmt.Sprint(l.Sessions), chart.Number(l.Seconds),
			fmt.Sprint(l.Intended), fmt.Sprint(l.Done), fmt.Sprint(l.Failed()), chart.Number(float64(l.Done) / max(l.Seconds, 1e-9))}},
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
	ms := func(v float64) string { return chart.Duration(v * 1e6) }
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
		return chart.Duration(*v * 1e6)
	}
	memory := "–"
	if s.ServerMemory > 0 {
		memory = fmt.Sprintf("%.0f MB", s.ServerMemory)
	}
	return []string{chart.Number(s.At), chart.Number(s.Target), chart.Number(s.Rate), fmt.Sprint(s.Failed), fmt.Sprint(s.InFlight),
		maybe(s.Median), maybe(s.P90), maybe(s.P99), chart.Duration(s.Max * 1e6), memory}
}
