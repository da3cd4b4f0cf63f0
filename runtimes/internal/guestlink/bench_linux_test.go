package guestlink

import (
	"context"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

// BenchmarkStartToExited is a program from Start to Exited on each kind of
// host, turn by turn: in a control group of the version that this one has, of
// version 2 without controllers where those are version 1, without groups, and
// without groups beside another program; and the same program started by this
// process. It reports medians in microseconds.
func BenchmarkStartToExited(b *testing.B) {
	beside := open(b, Options{Hello: hardened})
	_, p := start(b, beside, runtimes.Command{Name: "sleep", Args: []string{"600"}})
	defer p.Stop(runtimes.Cancelled)
	type way struct {
		name string
		run  func()
	}
	in := func(name string, l *Link) way { return way{name, func() { startAndWait(b, l) }} }
	grouped := openInGroup(b, cgroup.Limits{}, Options{Hello: hardened})
	ways := []way{
		in("none", open(b, Options{Hello: hardened})), in("none-second", beside),
		{"os-exec", func() {
			if err := exec.Command("/bin/true").Run(); err != nil {
				b.Fatal(err)
			}
		}},
	}
	if grouped.groups.environment.Version() == cgroup.V1 {
		ways = append(ways, in("v1", grouped), in("v2", openInV2(b)))
	} else {
		ways = append(ways, in("v2", grouped))
	}
	times := make([][]time.Duration, len(ways))
	for b.Loop() {
		for i, way := range ways {
			times[i] = append(times[i], took(way.run))
		}
	}
	for i, way := range ways {
		slices.Sort(times[i])
		b.ReportMetric(float64(times[i][len(times[i])/2].Nanoseconds())/1000, way.name+"-µs")
	}
}

func startAndWait(b *testing.B, l *Link) {
	s := &counter{exited: make(chan runtimes.Exit, 1)}
	if _, err := l.Start(context.Background(), runtimes.Command{Name: "/bin/true"}, s); err != nil {
		b.Fatal(err)
	}
	if exit := <-s.exited; exit.Status != runtimes.Completed {
		b.Fatalf("got %+v", exit)
	}
}

// BenchmarkTrueBesideOsExec is a program by the agent, in a control group,
// beside the same program started by this process, turn by turn: what else the
// machine does falls on both. It reports medians, their ratio, and what a
// program takes of processors: the server's part and, with the agent and the
// program itself, the environment's.
func BenchmarkTrueBesideOsExec(b *testing.B) {
	l := openInGroup(b, cgroup.Limits{}, Options{Hello: hardened})
	var agent, direct []time.Duration
	var server, environment time.Duration
	for b.Loop() {
		ownBefore, groupBefore := ownCPU(), groupCPU(l)
		agent = append(agent, took(func() { startAndWait(b, l) }))
		server += ownCPU() - ownBefore
		environment += groupCPU(l) - groupBefore
		direct = append(direct, took(func() {
			if err := exec.Command("/bin/true").Run(); err != nil {
				b.Fatal(err)
			}
		}))
	}
	slices.Sort(agent)
	slices.Sort(direct)
	n := len(agent)
	microseconds := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	b.ReportMetric(microseconds(agent[n/2]), "agent-µs")
	b.ReportMetric(microseconds(direct[n/2]), "os-exec-µs")
	b.ReportMetric(float64(agent[n/2])/float64(direct[n/2]), "times")
	b.ReportMetric(microseconds(server)/float64(n), "server-cpu-µs")
	b.ReportMetric(microseconds(environment)/float64(n), "environment-cpu-µs")
}

func took(f func()) time.Duration {
	begun := time.Now()
	f()
	return time.Since(begun)
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func groupCPU(l *Link) time.Duration {
	used, _ := l.groups.environment.CPU()
	return used
}

func BenchmarkPing(b *testing.B) {
	l := open(b, Options{})
	for b.Loop() {
		if err := l.Ping(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen is an agent from its start until it is ready, all measures
// taken, without a box.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		a := startAgent(b)
		openOn(b, a, Options{Hello: hardened}).Close()
	}
}

// BenchmarkOutput carries 64 MiB a round through one execution.
func BenchmarkOutput(b *testing.B) {
	l := open(b, Options{})
	const size = 64 << 20
	b.SetBytes(size)
	for b.Loop() {
		s := &counter{exited: make(chan runtimes.Exit, 1), process: make(chan runtimes.Process, 1)}
		p, err := l.Start(context.Background(), runtimes.Command{Name: "head", Args: []string{"-c", "67108864", "/dev/zero"}}, s)
		if err != nil {
			b.Fatal(err)
		}
		s.process <- p
		if <-s.exited; s.n != size {
			b.Fatalf("%d bytes", s.n)
		}
	}
}

// BenchmarkPipe is what BenchmarkOutput is to be compared with.
func BenchmarkPipe(b *testing.B) {
	const size = 64 << 20
	b.SetBytes(size)
	buffer := make([]byte, 64<<10)
	for b.Loop() {
		cmd := exec.Command("head", "-c", "67108864", "/dev/zero")
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = out.Read(buffer)
		}
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

// counter is a sink that only counts.
type counter struct {
	n       int
	granter runtimes.Process
	process chan runtimes.Process
	exited  chan runtimes.Exit
}

func (c *counter) Output(_ runtimes.Stream, p []byte) {
	if c.granter == nil {
		c.granter = <-c.process
	}
	c.n += len(p)
	c.granter.Grant(len(p))
}
func (c *counter) Started()               {}
func (c *counter) InputReady()            {}
func (c *counter) Exited(e runtimes.Exit) { c.exited <- e }
