package native

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

// BenchmarkTrueInABox is a program that does nothing, in a box beside one that
// this process starts itself, turn by turn; medians and their ratio.
func BenchmarkTrueInABox(b *testing.B) {
	r := New(options(b))
	boxedtest.Available(b, r, runtimes.Python)
	e := boxedtest.Create(b, r, boxedtest.Spec("true", runtimes.Python))
	var boxed, direct []time.Duration
	for b.Loop() {
		begun := time.Now()
		if got := boxedtest.Run(b, e, "true"); got.Status != runtimes.Completed {
			b.Fatalf("got %+v", got)
		}
		boxed = append(boxed, time.Since(begun))
		begun = time.Now()
		if err := exec.Command("true").Run(); err != nil {
			b.Fatal(err)
		}
		direct = append(direct, time.Since(begun))
	}
	slices.Sort(boxed)
	slices.Sort(direct)
	n := len(boxed) / 2
	b.ReportMetric(float64(boxed[n].Microseconds()), "box-µs")
	b.ReportMetric(float64(direct[n].Microseconds()), "os-exec-µs")
	b.ReportMetric(float64(boxed[n])/float64(direct[n]), "times")
}
