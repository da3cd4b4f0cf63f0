package boxedtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// BenchmarkCreate measures the whole life of an environment from cold: its
// creation with a workspace of its own and its assignment, the first run of a program that is a
// file, a second run, and its end. The medians are reported in milliseconds.
func BenchmarkCreate(b *testing.B, r runtimes.Runtime, language runtimes.Language, name, text string, command ...string) {
	Available(b, r, language)
	ctx := context.Background()
	var create, first, second, end []time.Duration
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		e := Create(b, r, Spec(fmt.Sprintf("b%d", i), language))
		if err := e.Assign(ctx, runtimes.Assignment{Session: "b", Env: []string{"OF=the session"}}); err != nil {
			b.Fatal(err)
		}
		create = append(create, time.Since(begin))
		for _, runs := range []*[]time.Duration{&first, &second} {
			begin := time.Now()
			if got := RunFile(b, e, name, text, command...); got.Status != runtimes.Completed {
				b.Fatalf("got %+v", got)
			}
			*runs = append(*runs, time.Since(begin))
		}
		begin = time.Now()
		if err := e.Close(ctx); err != nil {
			b.Fatal(err)
		}
		if err := e.Workspace().Close(); err != nil {
			b.Fatal(err)
		}
		end = append(end, time.Since(begin))
	}
	for unit, durations := range map[string][]time.Duration{
		"create-ms": create, "first-ms": first, "second-ms": second, "end-ms": end,
	} {
		slices.Sort(durations)
		b.ReportMetric(float64(durations[len(durations)/2].Microseconds())/1000, unit)
	}
}

// BenchmarkStorage measures the life of environments whose files are in memory
// and of ones that asked for 2 GB, which are on disk, in turns. The medians are
// reported in milliseconds.
func BenchmarkStorage(b *testing.B, r runtimes.Runtime, language runtimes.Language) {
	Available(b, r, language)
	ctx := context.Background()
	took := map[string][]time.Duration{}
	timed := func(unit string, do func() error) {
		begin := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		took[unit] = append(took[unit], time.Since(begin))
	}
	life := func(name string, spec runtimes.Spec) {
		var e runtimes.Environment
		timed(name+"-create-ms", func() (err error) {
			e, err = r.Create(ctx, spec)
			return err
		})
		timed(name+"-end-ms", func() error { return errors.Join(e.Close(ctx), e.Workspace().Close()) })
	}
	for i := 0; b.Loop(); i++ {
		memory, disk := Spec(fmt.Sprintf("m%d", i), language), Spec(fmt.Sprintf("d%d", i), language)
		disk.Limits.DiskBytes, disk.DiskAsked = 2<<30, true
		if i%2 == 0 {
			life("memory", memory)
		}
		life("disk", disk)
		if i%2 == 1 {
			life("memory", memory)
		}
	}
	for unit, durations := range took {
		slices.Sort(durations)
		b.ReportMetric(float64(durations[len(durations)/2].Microseconds())/1000, unit)
	}
}
