package guestlink

import (
	"context"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

// The prototype took 0.93 ms from Start to Exited.

func BenchmarkStartToExited(b *testing.B) {
	b.Run("groups", func(b *testing.B) { benchStart(b, openInGroup(b, cgroup.Limits{}, Options{})) })
	b.Run("none", func(b *testing.B) { benchStart(b, open(b, Options{})) })
}

func benchStart(b *testing.B, l *Link) {
	for b.Loop() {
		r := newRecorder()
		if _, err := l.Start(context.Background(), runtimes.Command{Name: "/bin/true"}, r); err != nil {
			b.Fatal(err)
		}
		if exit := <-r.exited; exit.Status != runtimes.Completed {
			b.Fatalf("got %+v", exit)
		}
	}
}

func BenchmarkPing(b *testing.B) {
	l := open(b, Options{})
	for b.Loop() {
		if err := l.Ping(b.Context()); err != nil {
			b.Fatal(err)
		}
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
func (c *counter) InputReady()            {}
func (c *counter) Exited(e runtimes.Exit) { c.exited <- e }
