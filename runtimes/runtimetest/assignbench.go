package runtimetest

import (
	"slices"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// BenchmarkAssign measures how long an environment takes to become a session's, by
// what differs from what it was made for; the kinds come in turns. The medians are
// reported in milliseconds.
func BenchmarkAssign(b *testing.B, r runtimes.Runtime, language runtimes.Language) {
	own := runtimes.Limits{MemoryBytes: 256 << 20, CPUs: 1, Processes: 64, DiskBytes: 64 << 20, OutputBytes: 1 << 20}
	env, err := r.Create(b.Context(), runtimes.Spec{Name: "assigned", Language: language, Limits: own})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := env.Close(b.Context()); err != nil {
			b.Error(err)
		}
		if err := env.Workspace().Close(); err != nil {
			b.Error(err)
		}
	}()
	all := runtimes.Limits{MemoryBytes: 512 << 20, CPUs: 0.5, Processes: 128, DiskBytes: 128 << 20}
	kinds := []struct {
		unit string
		env  []string
		to   runtimes.Limits
	}{
		{"nothing-ms", nil, own}, {"variables-ms", ofTheSession, own},
		{"memory-ms", nil, runtimes.Limits{MemoryBytes: all.MemoryBytes}}, {"cpus-ms", nil, runtimes.Limits{CPUs: all.CPUs}},
		{"processes-ms", nil, runtimes.Limits{Processes: all.Processes}}, {"disk-ms", nil, runtimes.Limits{DiskBytes: all.DiskBytes}},
		{"all-ms", ofTheSession, all},
	}
	took := make([][]time.Duration, len(kinds))
	for b.Loop() {
		for i, kind := range kinds {
			for _, limits := range []runtimes.Limits{kind.to, own} { // and back again
				begin := time.Now()
				err := env.Assign(b.Context(), runtimes.Assignment{Session: "b", Env: kind.env, Limits: limits})
				if err != nil {
					b.Fatalf("%s: %v", kind.unit, err)
				}
				took[i] = append(took[i], time.Since(begin))
			}
		}
	}
	for i, kind := range kinds {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2].Nanoseconds())/1e6, kind.unit)
	}
}
