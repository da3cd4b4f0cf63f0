package fake

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// sink keeps what a process does.
type sink struct {
	started chan struct{}
	exited  chan runtimes.Exit
	ready   int

	mu  sync.Mutex
	out map[runtimes.Stream]*bytes.Buffer
}

func newSink() *sink {
	return &sink{started: make(chan struct{}), exited: make(chan runtimes.Exit, 1), out: map[runtimes.Stream]*bytes.Buffer{
		runtimes.Stdout: {}, runtimes.Stderr: {}, runtimes.Terminal: {},
	}}
}

func (s *sink) Output(stream runtimes.Stream, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out[stream].Write(p)
}

func (s *sink) Started() { close(s.started) }

func (s *sink) InputReady() { s.mu.Lock(); s.ready++; s.mu.Unlock() }

func (s *sink) Exited(exit runtimes.Exit) { s.exited <- exit }

func (s *sink) text(stream runtimes.Stream) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out[stream].String()
}

func newEnvironment(t testing.TB, r *Runtime) *Environment {
	t.Helper()
	env, err := r.Create(context.Background(), runtimes.Spec{Name: "s"})
	if err != nil {
		t.Fatal(err)
	}
	if err := env.Assign(context.Background(), runtimes.Assignment{Session: "s", Env: []string{"A=1"}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(env.Close(context.Background()), env.Workspace().Close()); err != nil {
			t.Error(err)
		}
	})
	return env.(*Environment)
}

func start(t testing.TB, e *Environment, cmd runtimes.Command) (runtimes.Process, *sink) {
	t.Helper()
	s := newSink()
	p, err := e.Start(context.Background(), cmd, s)
	if err != nil {
		t.Fatal(err)
	}
	return p, s
}

func command(name string, args ...string) runtimes.Command {
	return runtimes.Command{Name: name, Args: args}
}
