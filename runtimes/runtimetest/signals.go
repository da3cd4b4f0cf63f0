package runtimetest

import (
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var signalCases = []testCase{
	{"EachSignalArrives", eachSignal},
	{"ASignalEndsAProgram", signalEnds},
	{"AHandlerSeesTheSignal", handlerSees},
	{"TheWholeGroupGetsTheSignal", groupSees},
	{"WhatIsIgnoredByDefaultEndsNothing", harmlessSignals},
	{"AStoppedProgramGoesOn", stopAndContinue},
	{"AStoppedTreeIsEnded", endsStopped},
	{"KillTakesTheTree", killTree},
	{"TheDeadGetNone", signalDead},
}

// R16: every signal whose default is to end a program, by name (signal(7)).
func eachSignal(t *testing.T, s *suite) {
	env := s.environment(t)
	for _, name := range []string{
		"HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
		"TERM", "STKFLT", "XCPU", "XFSZ", "VTALRM", "PROF", "IO", "PWR", "SYS",
	} {
		signal, _ := runtimes.ParseSignal(name)
		p, r := s.start(t, env, s.programs.Sleep(time.Hour))
		if delivered, err := p.Signal(signal); !delivered || err != nil {
			t.Errorf("%s: delivered %v, %v", name, delivered, err)
		}
		if exit := r.wait(); exit.Status != runtimes.Signalled || exit.Signal != "SIG"+name || exit.Code != nil {
			t.Errorf("%s: %+v", name, exit)
		}
	}
}

func signalEnds(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.programs.Stubborn())
	r.untilText(runtimes.Stdout, "ready")
	p.Signal(runtimes.SIGTERM)
	p.Signal(runtimes.SIGKILL)
	if exit := r.wait(); exit.Status != runtimes.Signalled || exit.Signal != "SIGKILL" {
		t.Errorf("%+v", exit)
	}
}

func handlerSees(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.programs.Trap())
	r.untilText(runtimes.Stdout, "ready\n")
	usr1, _ := runtimes.ParseSignal("USR1")
	p.Signal(usr1)
	r.untilText(runtimes.Stdout, "SIGUSR1\n")
	p.Signal(runtimes.SIGTERM)
	exit := r.wait()
	if got := r.text(runtimes.Stdout); got != "ready\nSIGUSR1\nSIGTERM\n" || exit.Status != runtimes.Completed {
		t.Errorf("%q, %+v", got, exit)
	}
}

func groupSees(t *testing.T, s *suite) {
	const line = `sh -c 'trap "echo child; exit" USR1; echo born; while :; do sleep 0.02; done' &
		trap 'echo parent' USR1; echo ready; wait; wait; exit 7`
	p, r := s.start(t, s.environment(t), s.shell(t, line))
	r.untilText(runtimes.Stdout, "ready")
	r.untilText(runtimes.Stdout, "born")
	usr1, _ := runtimes.ParseSignal("SIGUSR1")
	p.Signal(usr1)
	exit := r.wait()
	if got := r.text(runtimes.Stdout); !strings.Contains(got, "child\n") || !strings.Contains(got, "parent\n") || exit.Code == nil || *exit.Code != 7 {
		t.Errorf("%q, %+v", got, exit)
	}
}

func harmlessSignals(t *testing.T, s *suite) {
	cmd := s.programs.Echo()
	cmd.OpenStdin = true
	p, r := s.start(t, s.environment(t), cmd)
	for _, name := range []string{"CHLD", "CONT", "URG", "WINCH"} {
		signal, _ := runtimes.ParseSignal(name)
		if delivered, err := p.Signal(signal); !delivered || err != nil {
			t.Errorf("%s: delivered %v, %v", name, delivered, err)
		}
		feed(t, p, r, []byte(name+"\n"))
		r.untilText(runtimes.Stdout, name+"\n")
	}
	p.CloseInput()
	if exit := r.wait(); exit.Status != runtimes.Completed {
		t.Errorf("%+v", exit)
	}
}

// stopped is a program that has been told to stop, as has its child.
func (s *suite) stopped(t *testing.T, env runtimes.Environment, signal string) (runtimes.Process, *recorder, *heartbeat) {
	beat := newHeartbeat(t, s, env)
	p, r := s.start(t, env, beat.command(t, `sh -c "$BEAT" & while :; do sleep 0.05; done`))
	beat.untilAlive(t)
	stop, _ := runtimes.ParseSignal(signal)
	if delivered, err := p.Signal(stop); !delivered || err != nil {
		t.Errorf("%s: delivered %v, %v", signal, delivered, err)
	}
	beat.mustStop(t)
	if r.exited() {
		t.Fatalf("%s ended the program: %+v", signal, *r.exit)
	}
	return p, r, beat
}

func stopAndContinue(t *testing.T, s *suite) {
	p, r, beat := s.stopped(t, s.environment(t), "STOP")
	cont, _ := runtimes.ParseSignal("CONT")
	p.Signal(cont)
	beat.untilMore(t)
	p.Signal(runtimes.SIGKILL)
	r.wait()
	beat.mustStop(t)
}

func endsStopped(t *testing.T, s *suite) {
	env := s.environment(t)
	p, r, _ := s.stopped(t, env, "STOP")
	p.Stop(runtimes.TimeLimitExceeded)
	if exit := r.wait(); exit.Status != runtimes.TimeLimitExceeded {
		t.Errorf("stop: %+v", exit)
	}
	p, r, beat := s.stopped(t, env, "STOP")
	p.Signal(runtimes.SIGKILL)
	if exit := r.wait(); exit.Status != runtimes.Signalled || exit.Signal != "SIGKILL" {
		t.Errorf("kill: %+v", exit)
	}
	beat.mustStop(t)
}

func killTree(t *testing.T, s *suite) {
	env := s.environment(t)
	beat := newHeartbeat(t, s, env)
	p, r := s.start(t, env, beat.command(t, `setsid sh -c "$BEAT" & sleep 1000`))
	beat.untilAlive(t)
	p.Signal(runtimes.SIGKILL)
	r.wait()
	beat.mustStop(t)
}

func signalDead(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.programs.Exit(0))
	r.wait()
	if delivered, err := p.Signal(runtimes.SIGTERM); delivered || err != nil {
		t.Errorf("delivered %v, %v", delivered, err)
	}
	p.Grant(1)
	p.CloseInput()
	p.Stop(runtimes.Cancelled)
}
