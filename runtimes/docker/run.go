package docker

import (
	"context"

	"github.com/codebeaker/codebeaker/runtimes"
)

// runKeeps bounds what run keeps of a program's output, in bytes.
const runKeeps = 4 << 10

// run runs a short program to its end and returns the beginning of what it
// wrote to standard output. The end of ctx stops it.
func run(ctx context.Context, env runtimes.Environment, cmd runtimes.Command) (runtimes.Exit, string, error) {
	sink := &keeper{exited: make(chan runtimes.Exit, 1)}
	process, err := env.Start(ctx, cmd, sink)
	if err != nil {
		return runtimes.Exit{}, "", err
	}
	select {
	case exit := <-sink.exited:
		return exit, string(sink.kept), nil
	case <-ctx.Done():
		process.Stop(runtimes.Cancelled)
		<-sink.exited
		return runtimes.Exit{}, "", context.Cause(ctx)
	}
}

// keeper is a Sink. It never grants, so that a program which writes more than
// the window waits and is stopped by the end of the context.
type keeper struct {
	kept   []byte
	exited chan runtimes.Exit
}

// Output keeps the beginning of standard output.
func (k *keeper) Output(stream runtimes.Stream, p []byte) {
	if stream == runtimes.Stdout {
		k.kept = append(k.kept, p[:min(len(p), runKeeps-len(k.kept))]...)
	}
}

// InputReady does nothing: there is no input.
func (k *keeper) InputReady() {}

// Exited ends run.
func (k *keeper) Exited(exit runtimes.Exit) { k.exited <- exit }
