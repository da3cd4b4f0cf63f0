package actors

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// world is a system over a fake runtime, in a bubble in which time is free.
type world struct {
	t      *testing.T
	system *System
	fake   *fake.Runtime
}

// inWorld runs a test in a bubble and checks that nothing is left behind.
func inWorld(t *testing.T, o Options, f fake.Options, test func(w *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f.Dir = dir
		w := &world{t: t, fake: fake.New(f)}
		if o.Registry == nil {
			o.Registry = runtimes.NewRegistry(w.fake)
			o.Registry.Probe(context.Background())
		}
		w.system = NewSystem(o)
		test(w)
		if err := w.system.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if left := w.fake.Environments(); len(left) > 0 {
			t.Errorf("%d environments are left", len(left))
		}
	})
}

// request is a CreateRequest with the protocol's defaults.
func request() CreateRequest {
	return CreateRequest{
		Language: runtimes.JavaScript, Preference: runtimes.Balanced,
		IdleTimeout: 30 * time.Minute, MaxLifetime: 2 * time.Hour,
	}
}

func (w *world) create() *Session {
	w.t.Helper()
	session, info, err := w.system.Create(context.Background(), request())
	if err != nil {
		w.t.Fatal(err)
	}
	if info.State != Active {
		w.t.Fatalf("state after create: %v", info.State)
	}
	return session
}

// answer is what came back of a call.
type answer struct {
	result any
	err    error
	log    *output.Log // of Follow
	done   chan struct{}
	times  int
}

func (a *answer) Reply(result any, err error) {
	a.result, a.err = result, err
	a.times++
	close(a.done) // panics when it is answered twice
}

func (a *answer) Follow(log *output.Log) { a.log = log }

// send sends a call and returns where its answer will be.
func send(s *Session, request any) *answer {
	a := &answer{done: make(chan struct{})}
	s.Send(&Call{Request: request, Caller: a})
	return a
}

// ask sends a call and waits for the answer.
func (w *world) ask(s *Session, request any) *answer {
	w.t.Helper()
	a := send(s, request)
	select {
	case <-a.done:
	case <-time.After(time.Hour):
		w.t.Fatalf("%T is not answered", request)
	}
	return a
}

// shell is an execute_shell of a fake program.
func shell(name string, args ...string) *Execute {
	return &Execute{Type: "execute_shell", Command: &runtimes.Command{Name: name, Args: args}, Timeout: time.Minute}
}

func background(name string, args ...string) *Execute {
	e := shell(name, args...)
	e.Background, e.Timeout = true, 0
	return e
}

// run executes a program and returns its outcome.
func (w *world) run(s *Session, name string, args ...string) *Outcome {
	w.t.Helper()
	a := w.ask(s, shell(name, args...))
	outcome, ok := a.result.(*Outcome)
	if a.err != nil || !ok {
		w.t.Fatalf("%s: %v, %v", name, a.result, a.err)
	}
	return outcome
}

func stdout(o *Outcome) string { return string(o.Result.(*ProcessResult).Stdout.Data) }

func (w *world) state(s *Session) State { return s.Info().State }

// sink collects the events of sessions.
type sink struct {
	mu     sync.Mutex
	events []Event
}

func (s *sink) SessionEvent(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// words are the events as short words: "Active/command", "expiring/idleTimeout",
// "closed/client".
func (s *sink) words() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, e := range s.events {
		switch e.Kind {
		case StateChanged:
			words = append(words, e.State.String()+"/"+e.Reason)
		case Expiring:
			words = append(words, "expiring/"+e.Reason)
		case SessionEnded:
			words = append(words, "closed/"+e.Reason)
		}
	}
	return words
}

func (w *world) wantEvents(s *sink, want ...string) {
	w.t.Helper()
	synctest.Wait()
	if got := s.words(); !slices.Equal(got, want) {
		w.t.Errorf("events %q, want %q", got, want)
	}
}
