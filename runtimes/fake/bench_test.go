package fake

import (
	"context"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// nobody is a sink for the benchmark.
type nobody struct{ starts, exits int }

func (n *nobody) Started()                     { n.starts++ }
func (*nobody) Output(runtimes.Stream, []byte) {}
func (*nobody) InputReady()                    {}
func (n *nobody) Exited(runtimes.Exit)         { n.exits++ }

func TestTrueAllocatesNothing(t *testing.T) {
	e, s := newEnvironment(t, New(Options{})), &nobody{}
	if n := testing.AllocsPerRun(100, func() { e.Start(context.Background(), command("true"), s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The baseline of the layers above: a session cannot be faster than this.
func BenchmarkTrue(b *testing.B) {
	e, s := newEnvironment(b, New(Options{})), &nobody{}
	b.ReportAllocs()
	for b.Loop() {
		e.Start(context.Background(), command("true"), s)
	}
}
