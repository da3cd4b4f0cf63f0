package runtimetest

import (
	"errors"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var lossCases = []testCase{
	{"ALostEnvironmentSaysSo", lossIsTold},
	{"AReplacementHasTheFiles", lossIsReplaced},
}

// lose kills an environment from outside and waits until that is noticed.
func (s *suite) lose(t *testing.T, env runtimes.Environment) {
	t.Helper()
	if s.harness.KillOutside == nil {
		t.Skip("the harness cannot end an environment from outside")
	}
	s.harness.KillOutside(t, env)
	select {
	case <-env.Lost():
	case <-time.After(patience):
		t.Fatalf("the loss was not noticed within %v", patience)
	}
}

// lossNotifier is what the actors use where an environment has it.
type lossNotifier interface{ NotifyLost(f func()) }

func lossIsTold(t *testing.T, s *suite) {
	env := s.create(t, nil)
	told := make(chan struct{}, 2)
	if n, ok := env.(lossNotifier); ok {
		n.NotifyLost(func() { told <- struct{}{} })
	} else {
		told <- struct{}{}
	}
	p, r := s.start(t, env, s.programs.Stubborn())
	r.untilText(runtimes.Stdout, "ready")
	s.lose(t, env)
	if !r.exited() {
		t.Error("lost before every process was told Exited")
	}
	if exit := r.wait(); exit.Status != runtimes.EnvironmentLost || exit.Code != nil || exit.Message == "" {
		t.Errorf("%+v", exit)
	}
	select {
	case <-told:
	case <-time.After(patience):
		t.Error("NotifyLost did not call")
	}
	if _, err := env.Start(t.Context(), s.programs.Print("x", ""), newRecorder(t)); !errors.Is(err, runtimes.ErrEnvironmentLost) {
		t.Errorf("start: %v", err)
	}
	if _, err := p.Signal(runtimes.SIGTERM); err != nil && !errors.Is(err, runtimes.ErrEnvironmentLost) {
		t.Errorf("signal: %v", err)
	}
	p.Stop(runtimes.Cancelled)
	if n := len(told); n > 0 {
		t.Errorf("NotifyLost called %d times more", n)
	}
}

func lossIsReplaced(t *testing.T, s *suite) {
	var spec runtimes.Spec
	env := s.create(t, func(made *runtimes.Spec) { spec = *made })
	writeFile(t, env.Workspace(), "kept", "content")
	s.succeeds(t, env, s.programs.WriteFile("/workspace/by a program", "too"))
	s.lose(t, env)
	if err := env.Close(t.Context()); err != nil {
		t.Errorf("close a lost environment: %v", err)
	}
	spec.Workspace = env.Workspace()
	next, err := s.rt.Create(t.Context(), spec) // the same session
	if err != nil {
		t.Fatalf("replace: %v", err)
	}
	defer func() {
		if err := next.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if next.ID() == env.ID() {
		t.Errorf("both have the id %q", env.ID())
	}
	if got := readFile(t, next.Workspace(), "kept"); got != "content" {
		t.Errorf("the file holds %q", got)
	}
	if got := s.succeeds(t, next, s.programs.ReadFile("/workspace/by a program")); got != "too" {
		t.Errorf("a program reads %q", got)
	}
	s.succeeds(t, next, s.programs.WriteFile("/workspace/kept", "new"))
	if got := readFile(t, next.Workspace(), "kept"); got != "new" {
		t.Errorf("the file holds %q", got)
	}
}
