package load

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/bench/internal/local"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server whose echo does what the function says before it
// prints.
func serve(t *testing.T, before func(*fake.Run)) *local.Server {
	t.Helper()
	rt := fake.New(fake.Options{Dir: t.TempDir(), Programs: map[string]fake.Program{"echo": func(r *fake.Run) int {
		before(r)
		_, _ = io.WriteString(r.Stdout(), strings.Join(r.Args(), " ")+"\n")
		return 0
	}}})
	s, err := local.Start(t.Context(), local.Options{Runtimes: []runtimes.Runtime{rt}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), rt.Close()); err != nil {
			t.Errorf("something is left of the load: %v", err)
		}
	})
	return s
}

func nothing(*fake.Run) {}

// scenario is the default one, shorter.
func scenario(change func(*Scenario)) Scenario {
	s := Default()
	s.Connections, s.Sessions, s.Rate, s.Duration = 4, 3, 300, Duration(500*time.Millisecond)
	change(&s)
	return s
}

func runLoad(t *testing.T, s *local.Server, sc Scenario) (*result.LoadResult, error) {
	t.Helper()
	if err := sc.Check(); err != nil {
		t.Fatal(err)
	}
	return Run(t.Context(), Options{Scenario: sc, Seed: 1, URL: s.URL})
}

func TestAnOpenLoadMakesTheCallsItIntends(t *testing.T) {
	s := serve(t, nothing)
	l, err := runLoad(t, s, scenario(func(s *Scenario) { s.Idle = 5 }))
	if err != nil {
		t.Fatal(err)
	}
	if l.Intended < 149 || l.Done != l.Intended || l.Failed() != 0 || l.Connections != 4 || l.Sessions != 12 || l.Idle != 5 {
		t.Errorf("%+v", l)
	}
	if l.All.N != l.Done || l.All.P99 == nil || len(l.Lines) == 0 || l.Setup.CreateSession.N != 12 || l.Setup.Connect.N != 9 {
		t.Errorf("%+v", l)
	}
	var done int64
	for _, c := range l.Calls {
		if done += c.Done; c.Done == 0 {
			t.Errorf("no call of %s", c.Name)
		}
	}
	if done != l.Done {
		t.Errorf("%d calls by kind, %d in all", done, l.Done)
	}
}

func TestAClosedLoadKeepsItsWorkersBusy(t *testing.T) {
	s := serve(t, func(r *fake.Run) { _ = r.Sleep(20 * time.Millisecond) })
	l, err := runLoad(t, s, scenario(func(s *Scenario) {
		s.Model, s.Workers, s.Sessions = "closed", 4, 1
		s.Calls = s.Calls[:1]
	}))
	if err != nil {
		t.Fatal(err)
	}
	// Four workers, each at most once in 20 ms for 500 ms.
	if l.Done < 20 || l.Done > 104 || l.All.Min < 20 || l.Failed() != 0 {
		t.Errorf("%+v", l)
	}
}

// A server that stalls for half a second must be charged for all calls that
// were meant to start meanwhile.
func TestAStallIsChargedToEveryCallThatItDelayed(t *testing.T) {
	var once sync.Once
	var until time.Time
	s := serve(t, func(r *fake.Run) {
		once.Do(func() { until = time.Now().Add(500 * time.Millisecond) })
		if wait := time.Until(until); wait > 0 {
			_ = r.Sleep(wait)
		}
	})
	l, err := runLoad(t, s, scenario(func(s *Scenario) {
		s.Rate, s.Duration, s.Calls, s.Prepare = 100, Duration(time.Second), s.Calls[:1], nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	var slow int64
	for _, b := range l.All.Buckets {
		if b.From > 100 {
			slow += b.Count
		}
	}
	if slow < 30 || l.Failed() != 0 {
		t.Errorf("%d of %d calls were slow: %+v", slow, l.All.N, l.All)
	}
}

func TestWrongOutputsAndFailedCommandsAreCounted(t *testing.T) {
	s := serve(t, nothing)
	l, err := runLoad(t, s, scenario(func(s *Scenario) {
		other := "something else\n"
		s.Calls = []Call{
			{Name: "wrong", Weight: 1, Stdout: &other, Command: map[string]any{"type": "execute_shell", "commandName": "echo"}},
			{Name: "missing", Weight: 1, Command: map[string]any{"type": "read_file", "path": "none"}},
			{Name: "unknown", Weight: 1, Method: "no.such"},
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"wrong output", "command: NotFound", "-32601 MethodNotFound"} {
		if l.Errors[name] == 0 {
			t.Errorf("no %q among %v", name, l.Errors)
		}
	}
	if l.Done != 0 || l.WrongOutputs != l.Errors["wrong output"] {
		t.Errorf("%+v", l)
	}
}

func TestArrivalsBeyondTheLimitAreDroppedAndCounted(t *testing.T) {
	s := serve(t, func(r *fake.Run) { _ = r.Sleep(200 * time.Millisecond) })
	l, err := runLoad(t, s, scenario(func(s *Scenario) { s.MaxInFlight, s.Calls = 5, s.Calls[:1] }))
	if err != nil {
		t.Fatal(err)
	}
	if l.Dropped == 0 || l.Failed() != l.Dropped || l.Done+l.Dropped != l.Intended {
		t.Errorf("%+v", l)
	}
}

func TestAServerThatGoesAwayEndsTheLoadAndKeepsWhatWasFound(t *testing.T) {
	rt := fake.New(fake.Options{Dir: t.TempDir(), Programs: map[string]fake.Program{"echo": func(r *fake.Run) int {
		_, _ = io.WriteString(r.Stdout(), strings.Join(r.Args(), " ")+"\n")
		return 0
	}}})
	s, err := local.Start(t.Context(), local.Options{Runtimes: []runtimes.Runtime{rt}})
	if err != nil {
		t.Fatal(err)
	}
	var stop sync.Once
	closed := make(chan error, 1)
	l, err := Run(t.Context(), Options{
		Scenario: scenario(func(s *Scenario) { s.Duration = Duration(time.Minute) }), Seed: 1, URL: s.URL,
		Live: func(result.Second) { stop.Do(func() { go func() { closed <- s.Close() }() }) },
	})
	if !errors.Is(err, errGone) {
		t.Errorf("%v", err)
	}
	if l.Done == 0 || l.Sessions != 12 || l.All.Median == nil {
		t.Errorf("%+v", l)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestSessionsThatCannotBeMadeSayHowFarItGot(t *testing.T) {
	rt := fake.New(fake.Options{Dir: t.TempDir(), CreateError: func(runtimes.Spec) error { return errors.New("no more") }})
	s, err := local.Start(t.Context(), local.Options{Runtimes: []runtimes.Runtime{rt}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l, err := runLoad(t, s, scenario(func(*Scenario) {}))
	if err == nil || !strings.Contains(err.Error(), "0 of 12 sessions were made") || l.Connections != 4 {
		t.Errorf("%v, %+v", err, l)
	}
}
