package runtimetest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var treeCases = []testCase{
	{"TheEndOfAProgramEndsItsTree", endEndsTree},
	{"WhatIsEndedWithAProgramIsNamed", endedAreNamed},
	{"AGrandchildWithThePipeHoldsUpNothing", pipeHeld},
	{"AnotherExecutionLivesOn", othersLive},
	{"ChildrenNeverWaitedForAreReaped", reaped},
	{"AForkBombEndsInTime", forkBomb},
	{"AProgramCannotEndItsBetters", cannotKillAgent},
}

func endEndsTree(t *testing.T, s *suite) {
	env := s.environment(t)
	for name, line := range map[string]string{
		"background":  `sh -c "$BEAT" & `,
		"setsid":      `setsid sh -c "$BEAT" & `,
		"double fork": `(setsid sh -c "$BEAT" > /dev/null 2>&1 < /dev/null &) ; `,
		"nohup":       `nohup sh -c "$BEAT" > /dev/null 2>&1 & `,
	} {
		beat := newHeartbeat(t, s, env)
		did := s.run(t, env, beat.command(t, line+`while ! test -s /workspace/`+beat.file+`; do sleep 0.01; done; exit 3`))
		if did.Status != runtimes.NonZeroExit || did.Code == nil || *did.Code != 3 {
			t.Errorf("%s: %s", name, did)
		}
		if beat.size(t) == 0 {
			t.Errorf("%s: there was no process to be ended", name)
		}
		beat.mustStop(t)
	}
}

func endedAreNamed(t *testing.T, s *suite) {
	env := s.environment(t)
	did := s.run(t, env, s.shell(t, `setsid sleep 1000 & echo $!; sleep 1001 > /dev/null & echo $!; true & wait $!
		until [ "$(cat /proc/[0-9]*/comm | grep -c '^sleep$')" -ge 2 ]; do sleep 0.01; done; exit 4`))
	pids := strings.Fields(did.stdout)
	if did.Code == nil || *did.Code != 4 || len(pids) != 2 || len(did.Ended) != 2 {
		t.Fatalf("%s, ended %+v", did, did.Ended)
	}
	for i, ended := range did.Ended {
		if strconv.Itoa(ended.PID) != pids[i] || ended.Name != "sleep" {
			t.Errorf("ended %+v, want sleep with the pids %v", did.Ended, pids)
		}
	}
	did = s.run(t, env, s.shell(t, `i=0; while [ $i -lt 20 ]; do sleep 1000 & i=$((i+1)); done; exit 0`))
	if did.Status != runtimes.Completed || len(did.Ended) != runtimes.MaxEnded {
		t.Errorf("%s, of 20 processes %d are named", did, len(did.Ended))
	}
	for what, did := range map[string]finished{
		"nothing left":  s.run(t, env, s.shell(t, `sleep 0.01 & wait; exit 0`)),
		"ended by Stop": s.stopsWhenReady(t, env, s.shell(t, `sleep 1000 & echo ready; wait`)),
	} {
		if len(did.Ended) != 0 {
			t.Errorf("%s: ended %+v", what, did.Ended)
		}
	}
}

// stopsWhenReady starts a program that writes something when it is ready, and
// stops it as a time limit does.
func (s *suite) stopsWhenReady(t testing.TB, env runtimes.Environment, cmd runtimes.Command) finished {
	t.Helper()
	process, r := s.start(t, env, cmd)
	r.untilText(runtimes.Stdout, "ready")
	process.Stop(runtimes.TimeLimitExceeded)
	exit := r.wait()
	if exit.Status != runtimes.TimeLimitExceeded {
		t.Errorf("%s %q ended with status %v", cmd.Name, cmd.Args, exit.Status)
	}
	return finished{exit, r.text(runtimes.Stdout), r.text(runtimes.Stderr), ""}
}

func pipeHeld(t *testing.T, s *suite) {
	env := s.environment(t)
	cmd := s.shell(t, `printf before; (setsid sleep 1000 &) ; printf after`)
	begin := time.Now()
	did := s.run(t, env, cmd)
	if did.Status != runtimes.Completed || did.stdout != "beforeafter" {
		t.Error(did)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the result took %v", took)
	}
}

func othersLive(t *testing.T, s *suite) {
	env := s.environment(t)
	s.shell(t, "")
	cmd := s.programs.Echo()
	cmd.OpenStdin = true
	p, r := s.start(t, env, cmd)
	s.succeeds(t, env, s.shell(t, `setsid sleep 1000 & exit 0`))
	s.run(t, env, s.shell(t, `kill -s KILL $$`))
	feed(t, p, r, []byte("alive"))
	r.untilText(runtimes.Stdout, "alive")
	p.CloseInput()
	if exit := r.wait(); exit.Status != runtimes.Completed {
		t.Errorf("%+v", exit)
	}
}

// The process limit is 64, so zombies would soon use it up.
func reaped(t *testing.T, s *suite) {
	env := s.environment(t)
	// Several times the limit of processes.
	line := s.shell(t, `i=0; while [ $i -lt 200 ]; do (: &); i=$((i+1)); done 2>/dev/null; echo all`)
	for range 2 {
		if got := s.succeeds(t, env, line); got != "all\n" {
			t.Errorf("%q", got)
		}
	}
	s.alone(t, env)
}

// alone fails when something lives or is a zombie beside the agent, its helpers
// and what looks.
func (s *suite) alone(t *testing.T, env runtimes.Environment) {
	t.Helper()
	const few = 5
	got := s.succeeds(t, env, s.shell(t, `set -- /proc/[0-9]*; echo $#`))
	if n, err := strconv.Atoi(strings.TrimSpace(got)); err != nil || n > few {
		t.Errorf("%q processes are in the environment", got)
	}
}

// Whatever multiplies is gone with the one that began, which its own bomb
// may end sooner, and its places are free again.
func forkBomb(t *testing.T, s *suite) {
	env := s.create(t, nil)
	enforced(t, "processes", env.Limits().Processes)
	p, r := s.start(t, env, s.shell(t, `b() { b | b & }; b; while :; do :; done`))
	r.until("a fork failed", func() bool { return r.exited() || strings.Contains(r.text(runtimes.Stderr), "fork") })
	p.Stop(runtimes.TimeLimitExceeded)
	exit := r.wait()
	if exit.Status == runtimes.EnvironmentLost && exit.Code == nil {
		<-env.Lost()
		t.Skip("the environment was lost, which is allowed, and was said")
	}
	if exit.Status != runtimes.TimeLimitExceeded && exit.Status != runtimes.NonZeroExit {
		t.Errorf("%+v", exit)
	}
	s.alone(t, env)
}

// kill -1 reaches the program's own at most.
func cannotKillAgent(t *testing.T, s *suite) {
	env := s.create(t, nil)
	s.run(t, env, s.shell(t, `trap '' TERM INT HUP; for s in TERM INT HUP QUIT SEGV ABRT KILL STOP; do kill -s $s 1; done 2>/dev/null; kill -s $s $PPID 2>/dev/null; exit 0`))
	select {
	case <-env.Lost():
		t.Skip("the environment was lost, which is allowed, and was said")
	default:
	}
	if got := s.succeeds(t, env, s.programs.Print("alive", "")); got != "alive" {
		t.Errorf("%q", got)
	}
	s.run(t, env, s.shell(t, `kill -s KILL -1`))
	if got := s.succeeds(t, env, s.programs.Print("alive", "")); got != "alive" {
		t.Errorf("%q", got)
	}
}
