package runtimetest

import (
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var stopCases = []testCase{
	{"AStubbornProgramIsGoneInTime", stopStubborn},
	{"AStoppedShellHasNoExitCodeOfItsOwn", stopWaiting},
	{"AProgramMayTidyUp", stopTidy},
	{"TheFirstReasonCounts", firstReason},
	{"StopTakesTheTree", stopTree},
}

// stopLimit is how soon after a time limit the reply comes: docs/protocol.md.
const stopLimit = 500 * time.Millisecond

func stopStubborn(t *testing.T, s *suite) {
	env := s.environment(t)
	best := time.Hour
	for range 3 { // the machine may be busy once or twice, not three times
		p, r := s.start(t, env, s.programs.Stubborn())
		r.untilText(runtimes.Stdout, "ready")
		begin := time.Now()
		p.Stop(runtimes.TimeLimitExceeded)
		exit := r.wait()
		best = min(best, time.Since(begin))
		if exit.Status != runtimes.TimeLimitExceeded || exit.Code != nil {
			t.Fatalf("%+v", exit)
		}
		if best < stopLimit {
			return
		}
	}
	t.Errorf("gone after %v, must be within %v", best, stopLimit)
}

func stopTidy(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.programs.Trap())
	r.untilText(runtimes.Stdout, "ready")
	p.Stop(runtimes.Cancelled)
	if exit := r.wait(); exit.Status != runtimes.Cancelled || r.text(runtimes.Stdout) != "ready\nSIGTERM\n" {
		t.Errorf("%+v, %q", exit, r.text(runtimes.Stdout))
	}
}

// stopWaiting stops a shell that waits for another program, which ends by the
// same signal: the shell has no time to see that and to exit by itself.
func stopWaiting(t *testing.T, s *suite) {
	env := s.environment(t)
	for range 10 {
		p, r := s.start(t, env, s.shell(t, "echo ready; sleep 1000; true"))
		r.untilText(runtimes.Stdout, "ready")
		p.Stop(runtimes.TimeLimitExceeded)
		if exit := r.wait(); exit.Status != runtimes.TimeLimitExceeded || exit.Code != nil {
			t.Errorf("%+v", exit)
		}
	}
}

func firstReason(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.programs.Stubborn())
	r.untilText(runtimes.Stdout, "ready")
	p.Stop(runtimes.OutputLimitExceeded)
	p.Stop(runtimes.Cancelled)
	p.Stop(runtimes.TimeLimitExceeded)
	if exit := r.wait(); exit.Status != runtimes.OutputLimitExceeded {
		t.Errorf("%+v", exit)
	}
}

func stopTree(t *testing.T, s *suite) {
	env := s.environment(t)
	beat := newHeartbeat(t, s, env)
	p, r := s.start(t, env, beat.command(t, `setsid sh -c "$BEAT" & (sh -c "$BEAT" &) ; sleep 1000`))
	beat.untilAlive(t)
	p.Stop(runtimes.TimeLimitExceeded)
	if exit := r.wait(); exit.Status != runtimes.TimeLimitExceeded {
		t.Errorf("%+v", exit)
	}
	beat.mustStop(t)
}
