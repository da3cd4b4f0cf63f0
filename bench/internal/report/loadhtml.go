package report

import (
	"fmt"
	"html/template"

	"github.com/codebeaker/codebeaker/bench/internal/chart"
	"github.com/codebeaker/codebeaker/bench/internal/result"
)

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
	value := func(name string, colour int, of func(result.Second) float64) chart.Line {
		line := chart.Line{Name: name, Colour: colour}
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
	axis := func(v float64) string { return chart.Number(v) + " s" }
	return []plot{
		{"latency percentiles of each second", chart.Lines([]chart.Line{
			value("median", 0, at(func(s result.Second) *float64 { return s.Median })),
			value("p90", 1, at(func(s result.Second) *float64 { return s.P90 })),
			value("p99", 2, at(func(s result.Second) *float64 { return s.P99 })),
			value("max", 3, func(s result.Second) float64 { return s.Max * 1e6 }),
		}, true, chart.Duration, axis)},
		{"calls in each second", chart.Lines([]chart.Line{
			value("aimed at", 7, func(s result.Second) float64 { return s.Target }),
			value("done", 0, func(s result.Second) float64 { return s.Rate }),
			value("failed", 3, func(s result.Second) float64 { return float64(s.Failed) }),
			value("in flight", 2, func(s result.Second) float64 { return float64(s.InFlight) }),
		}, false, chart.Number, axis)},
		{"memory of the server", chart.Lines([]chart.Line{
			value("resident", 0, func(s result.Second) float64 { return s.ServerMemory }),
		}, false, func(v float64) string { return fmt.Sprintf("%.0f MB", v) }, axis)},
	}
}

// byPercentile shows the latency that a part of the calls did not exceed.
func byPercentile(l *result.LoadResult) template.HTML {
	var lines []chart.Line
	for i, c := range l.Calls {
		line, seen := chart.Line{Name: c.Name, Colour: i}, int64(0)
		for _, b := range c.Latency.Buckets {
			seen += b.Count
			line.X = append(line.X, 100*float64(seen)/float64(max(c.Latency.N, 1)))
			line.Y = append(line.Y, b.To*1e6)
		}
		lines = append(lines, line)
	}
	return chart.Lines(lines, true, chart.Duration, func(v float64) string { return chart.Number(v) + " %" })
}
