package native

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

func BenchmarkCreatePython(b *testing.B) {
	boxedtest.BenchmarkCreate(b, New(options(b)), runtimes.Python, "hello.py", "print('hello')", "python3", "hello.py")
}

func BenchmarkCreateNode(b *testing.B) {
	boxedtest.BenchmarkCreate(b, New(options(b)), runtimes.JavaScript, "hello.js", "console.log('hello')", "node", "hello.js")
}

func BenchmarkCreateGo(b *testing.B) {
	r := New(options(b))
	boxedtest.Available(b, r, runtimes.Go)
	waitForWarmGo(b)
	boxedtest.BenchmarkCreate(b, r, runtimes.Go, "hello.go", helloGo, "go", "run", "hello.go")
}

func BenchmarkAssign(b *testing.B) {
	r := New(options(b))
	boxedtest.Available(b, r, runtimes.Python)
	runtimetest.BenchmarkAssign(b, r, runtimes.Python)
}

func BenchmarkStorage(b *testing.B) {
	boxedtest.BenchmarkStorage(b, New(options(b)), runtimes.Python)
}

// counting counts for a second, and prints how far it came.
const counting = `import time
n, end = 0, time.monotonic() + 1
while time.monotonic() < end:
    for i in range(1000): n += 1
print(n)`

// BenchmarkBusySessions measures, in turns, how far programs count at the same
// time, each in a session of one processor and each as it is.
func BenchmarkBusySessions(b *testing.B) {
	r := New(options(b))
	boxedtest.Available(b, r, runtimes.Python)
	for _, n := range []int{2, 4, 8} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var environments []runtimes.Environment
			for i := range n {
				spec := boxedtest.Spec("busy"+strconv.Itoa(i), runtimes.Python)
				spec.Limits.CPUs = 1
				environments = append(environments, boxedtest.Create(b, r, spec))
			}
			var sessions, plain []float64
			for b.Loop() {
				sessions = append(sessions, together(b, n, func(i int) string {
					return boxedtest.Run(b, environments[i], "python3", "-c", counting).Stdout
				}))
				plain = append(plain, together(b, n, func(int) string {
					out, err := exec.CommandContext(b.Context(), "python3", "-c", counting).Output()
					if err != nil {
						b.Error(err)
					}
					return string(out)
				}))
			}
			slices.Sort(sessions)
			slices.Sort(plain)
			b.ReportMetric(sessions[len(sessions)/2]/plain[len(plain)/2], "of-plain")
		})
	}
}

// together is the sum of what n counts come to that run at the same time.
func together(b *testing.B, n int, count func(i int) string) (sum float64) {
	counted := make([]float64, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			var err error
			if counted[i], err = strconv.ParseFloat(strings.TrimSpace(count(i)), 64); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	for _, c := range counted {
		sum += c
	}
	return sum
}
