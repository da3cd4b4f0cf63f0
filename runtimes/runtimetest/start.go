package runtimetest

import (
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var startCases = []testCase{
	{"InputWaitsForTheStart", inputBeforeStart},
	{"AStopNeedsNoStart", stopBeforeStart},
	{"AFailedStartIsToldOnce", failedStart},
}

// startOnly starts a program and does not wait until it runs.
func (s *suite) startOnly(t testing.TB, env runtimes.Environment, cmd runtimes.Command) (runtimes.Process, *recorder) {
	t.Helper()
	r := newRecorder(t)
	process, err := env.Start(t.Context(), cmd, r)
	if err != nil {
		t.Fatalf("start %s: %v", cmd.Name, err)
	}
	r.bind(process)
	return process, r
}

func inputBeforeStart(t *testing.T, s *suite) {
	cmd := s.programs.Echo()
	cmd.OpenStdin = true
	p, r := s.startOnly(t, s.environment(t), cmd)
	const text = "early and whole\n"
	if n, err := p.Input([]byte(text)); n != len(text) || err != nil {
		t.Errorf("accepted %d, %v", n, err)
	}
	p.CloseInput()
	if exit := r.wait(); exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != text {
		t.Errorf("%+v, %q", exit, r.text(runtimes.Stdout))
	}
}

func stopBeforeStart(t *testing.T, s *suite) {
	p, r := s.startOnly(t, s.environment(t), s.programs.Sleep(time.Hour))
	p.Stop(runtimes.Cancelled)
	if exit := r.wait(); exit.Status != runtimes.Cancelled || exit.Code != nil {
		t.Errorf("%+v", exit)
	}
}

// The recorder sees to it that Started is not called and Exited once.
func failedStart(t *testing.T, s *suite) {
	p, r := s.startOnly(t, s.environment(t), runtimes.Command{Name: "no-such-program-anywhere"})
	exit := r.wait()
	if exit.Status != runtimes.CouldNotStart || exit.Message == "" || exit.Code != nil {
		t.Errorf("%+v", exit)
	}
	p.Stop(runtimes.Cancelled) // does nothing any more
	if _, err := p.Input([]byte("x")); err == nil {
		t.Error("a program that never ran takes input")
	}
}
