package runtimetest

import (
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var signalCases = []testCase{
	{"EachSignalArrives", eachSignal},
	{"ASignalEndsAProgram", signalEnds},
	{"AHandlerSeesTheSignal", handlerSees},
	{"KillTakesTheTree", killTree},
	{"TheDeadGetNone", signalDead},
}

func eachSignal(t *testing.T, s *suite) {
	env := s.environment(t)
	for _, name := range []string{"HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "ALRM", "KILL"} {
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
