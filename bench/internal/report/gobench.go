package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// GoBench writes every sample as a line of the Go benchmark format, so that
// benchstat can compare two runs.
func GoBench(w io.Writer, r *result.Run) error {
	var b strings.Builder
	configuration := []fact{
		{"goos", r.Host.OS}, {"goarch", r.Host.Arch}, {"pkg", "github.com/codebeaker/codebeaker/bench"}, {"cpu", r.Host.CPU},
		{"commit", r.Host.Commit}, {"kernel", r.Host.Kernel}, {"docker", r.Host.Engine}, {"seed", fmt.Sprint(r.Seed)},
	}
	for _, f := range configuration {
		if f.Value != "" {
			fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
		}
	}
	for _, s := range r.Series {
		name := benchName(s.Key())
		for _, ns := range s.Samples {
			fmt.Fprintf(&b, "%s 1 %s ns/op\n", name, trimmed(ns))
		}
	}
	if r.Load != nil {
		for _, c := range r.Load.Calls {
			writeLoadLine(&b, "load/"+c.Name, c)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeLoadLine gives the percentiles of a load test as units of their own.
func writeLoadLine(b *strings.Builder, key string, c result.CallResult) {
	if c.Latency.N == 0 {
		return
	}
	fmt.Fprintf(b, "%s %d %s ns/op", benchName(key), c.Latency.N, trimmed(c.Latency.Mean*1e6))
	for _, p := range []struct {
		unit  string
		value *float64
	}{{"p50-ns", c.Latency.Median}, {"p90-ns", c.Latency.P90}, {"p99-ns", c.Latency.P99}} {
		if p.value != nil {
			fmt.Fprintf(b, " %s %s", trimmed(*p.value*1e6), p.unit)
		}
	}
	b.WriteString("\n")
}

// benchName makes a name of a benchmark: a word that begins with a capital.
func benchName(key string) string {
	word := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return '_'
		}
		return r
	}, key)
	return "Benchmark" + strings.ToUpper(word[:1]) + word[1:]
}

func trimmed(v float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.3f", v), "0"), ".")
}
