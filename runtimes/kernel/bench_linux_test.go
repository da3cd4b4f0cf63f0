package kernel

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// BenchmarkCell measures the life of a Python kernel in an environment that is
// there: its start with a first cell, the next cell, the first one after it has
// begun anew, and in a new kernel instead of it, and the end of a loop that is
// interrupted. The medians are reported in milliseconds.
func BenchmarkCell(b *testing.B) {
	p := nativePlace(b, runtimes.Python)
	env, e := p.environment(b), p.engine(b)
	took := map[string][]time.Duration{}
	timed := func(unit string, do func()) {
		begin := time.Now()
		do()
		took[unit] = append(took[unit], time.Since(begin))
	}
	next := func(k *Kernel) {
		if got := value(b, k, "20 + 22"); got != "42" {
			b.Fatal(got)
		}
	}
	begin := func() *Kernel {
		k, err := Start(context.Background(), env, e, Options{})
		if err != nil {
			b.Fatal(err)
		}
		next(k)
		return k
	}
	for b.Loop() {
		var k *Kernel
		timed("first-ms", func() { k = begin() })
		for range 20 {
			timed("next-ms", func() { next(k) })
		}
		running, r := beginLoop(b, k)
		timed("interrupt-ms", func() {
			running.Stop(runtimes.TimeLimitExceeded)
			if o := r.wait(b); o.noResult {
				b.Fatal(o)
			}
		})
		timed("reset-ms", func() {
			if _, ok := k.Reset(); !ok {
				b.Fatal("it does not begin anew")
			}
			next(k)
		})
		timed("restart-ms", func() {
			k.Close()
			<-k.Gone()
			k = begin()
		})
		k.Close()
		<-k.Gone()
	}
	for unit, durations := range took {
		slices.Sort(durations)
		b.ReportMetric(float64(durations[len(durations)/2].Microseconds())/1000, unit)
		b.ReportMetric(float64(durations[0].Microseconds())/1000, "least-"+unit)
	}
}

// beginLoop begins a loop and waits until it runs.
func beginLoop(b *testing.B, k *Kernel) (runtimes.Process, *recorder) {
	b.Helper()
	p, r := begin(b, k, Cell{Code: "print('on')\nwhile True:\n    pass", Number: 1})
	until(b, r, "on\n")
	return p, r
}
