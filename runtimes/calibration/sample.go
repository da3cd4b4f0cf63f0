package calibration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// sample is what one environment showed.
type sample struct {
	startup time.Duration
	memory  int64 // zero where the environment cannot tell
}

// limits are what an environment is measured with: the protocol's defaults.
var limits = runtimes.Limits{MemoryBytes: 512 << 20, CPUs: 1, Processes: 128, DiskBytes: 1 << 30}

// take makes one environment, measures it and removes it.
func take(ctx context.Context, rt runtimes.Runtime, language runtimes.Language, p programs, number int) (s sample, err error) {
	start := time.Now()
	env, err := rt.Create(ctx, runtimes.Spec{
		Session: fmt.Sprintf("calibration-%v-%d", rt.Type(), number), Language: language, Limits: limits,
	})
	if err != nil {
		return s, err
	}
	defer func() {
		// The measurement is over, so ctx may be too; removal is not optional.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, env.Close(closing), env.Workspace().Close())
	}()
	if err := run(ctx, env, p.hello, func(w *watcher) <-chan struct{} { return w.exited }); err != nil {
		return s, err
	}
	s.startup = time.Since(start)
	meter, ok := env.(runtimes.MemoryMeter)
	if !ok {
		return s, nil
	}
	if err := run(ctx, env, p.idle, func(w *watcher) <-chan struct{} { return w.greeted }); err != nil {
		return s, err
	}
	s.memory, err = meter.Memory(ctx)
	return s, err
}

// run starts a program and waits for what until names.
func run(ctx context.Context, env runtimes.Environment, cmd runtimes.Command, until func(*watcher) <-chan struct{}) error {
	w := &watcher{greeted: make(chan struct{}), exited: make(chan struct{})}
	if _, err := env.Start(ctx, cmd, w); err != nil {
		return err
	}
	select {
	case <-until(w):
		return w.verify()
	case <-w.exited:
		return w.verify()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watcher is the sink of a measured program.
type watcher struct {
	greeted chan struct{}
	exited  chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
	exit   *runtimes.Exit
}

// Output collects what is printed.
func (w *watcher) Output(_ runtimes.Stream, p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	had := w.output.Len() >= len(runtimes.Greeting)
	if w.output.Len() < 4096 {
		w.output.Write(p)
	}
	if !had && w.output.Len() >= len(runtimes.Greeting) {
		close(w.greeted)
	}
}

// InputReady does nothing: the programs read no input.
func (w *watcher) InputReady() {}

// Exited notes the end.
func (w *watcher) Exited(exit runtimes.Exit) {
	w.mu.Lock()
	w.exit = &exit
	w.mu.Unlock()
	close(w.exited)
}

// verify reports a program that did something else than it should: its time
// would mean nothing.
func (w *watcher) verify() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.output.String() != runtimes.Greeting || w.exit != nil && w.exit.Status != runtimes.Completed {
		status := runtimes.Status(0)
		if w.exit != nil {
			status = w.exit.Status
		}
		return fmt.Errorf("the measured program printed %q and ended %v", w.output.String(), status)
	}
	return nil
}
