package runtimetest

import (
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var paceCases = []testCase{
	{"WithoutGrantsTheWindowIsAll", windowIsAll},
	{"AHeldProgramHoldsUpNoOther", heldAlone},
	{"AHeldProgramCanBeStopped", heldStopped},
}

// held starts a program that spills, and returns when its window is used up.
func held(t *testing.T, s *suite, env runtimes.Environment, size int) (runtimes.Process, *recorder) {
	t.Helper()
	r := newRecorder(t)
	r.hold = true
	p, _ := s.startWith(t, env, s.programs.Spill(size, 0), r)
	r.until("the window was full", func() bool { return r.total() >= runtimes.Window })
	return p, r
}

func windowIsAll(t *testing.T, s *suite) {
	const size = 2 << 20
	_, r := held(t, s, s.environment(t), size)
	time.Sleep(100 * time.Millisecond) // time for more to come, if it did
	if got := r.total(); got != runtimes.Window {
		t.Errorf("%d bytes came, the window is %d", got, runtimes.Window)
	}
	for _, n := range []int{1, 1000, 100_000} {
		want := r.total() + int64(n)
		r.grant(n)
		r.until("what was granted came", func() bool { return r.total() >= want })
		time.Sleep(20 * time.Millisecond)
		if got := r.total(); got != want {
			t.Errorf("%d bytes came, %d were granted", got, want)
		}
	}
	if r.exited() {
		t.Error("the program ended with its output held up")
	}
	r.letGo()
	if exit := r.wait(); exit.Status != runtimes.Completed || r.size(runtimes.Stdout) != size {
		t.Errorf("%+v, %d bytes", exit, r.size(runtimes.Stdout))
	}
}

func heldAlone(t *testing.T, s *suite) {
	env := s.environment(t)
	_, r := held(t, s, env, 4<<20)
	for range 3 {
		if got := s.succeeds(t, env, s.programs.Print("past it", "")); got != "past it" {
			t.Errorf("%q", got)
		}
	}
	if did := s.run(t, env, s.programs.Spill(1<<20, 0)); len(did.stdout) != 1<<20 {
		t.Errorf("%d bytes came", len(did.stdout))
	}
	r.letGo()
	r.wait()
}

func heldStopped(t *testing.T, s *suite) {
	env := s.environment(t)
	p, r := held(t, s, env, 4<<20)
	p.Stop(runtimes.Cancelled)
	// What was in the pipe may still come, when there are grants for it.
	r.letGo()
	if exit := r.wait(); exit.Status != runtimes.Cancelled {
		t.Errorf("%+v", exit)
	}
	p, r = held(t, s, env, 4<<20)
	p.Signal(runtimes.SIGKILL)
	if exit := r.wait(); exit.Signal == "" && exit.Code == nil {
		t.Errorf("%+v", exit)
	}
}
