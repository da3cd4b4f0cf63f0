package runtimetest

import (
	"errors"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var terminalCases = []testCase{
	{"ATerminalHasItsSize", terminalSize},
	{"WithoutATerminalThereIsNoSize", noTerminal},
	{"ATerminalIsATerminal", isTerminal},
	{"KeysAreInput", keys},
	{"ControlCInterrupts", controlC},
	{"TheTerminalEndsWithItsProgram", terminalEnds},
}

// inTerminal gives a command a terminal, or skips the case.
func (s *suite) inTerminal(t *testing.T, cmd runtimes.Command) runtimes.Command {
	t.Helper()
	if !s.found.Terminal {
		t.Skip("the runtime has no terminals (Availability.Terminal)")
	}
	cmd.Terminal = &runtimes.TerminalSize{Columns: 90, Rows: 30}
	cmd.OpenStdin = true
	return cmd
}

func terminalSize(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.inTerminal(t, s.programs.Size()))
	r.untilText(runtimes.Terminal, "90x30")
	for _, c := range []struct {
		size runtimes.TerminalSize
		want string
	}{{runtimes.TerminalSize{Columns: 132, Rows: 43}, "132x43"}, {runtimes.TerminalSize{Columns: 1, Rows: 1}, "1x1"}, {runtimes.TerminalSize{Columns: 1000, Rows: 1000}, "1000x1000"}} {
		if err := p.Resize(c.size); err != nil {
			t.Fatal(err)
		}
		r.untilText(runtimes.Terminal, c.want)
	}
	p.Signal(runtimes.SIGKILL)
	r.wait()
	if r.size(runtimes.Stdout)+r.size(runtimes.Stderr) != 0 {
		t.Error("a program with a terminal wrote to pipes")
	}
}

func noTerminal(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.programs.Stubborn())
	r.untilText(runtimes.Stdout, "ready")
	if err := p.Resize(runtimes.TerminalSize{Columns: 80, Rows: 25}); !errors.Is(err, runtimes.ErrNoTerminal) {
		t.Errorf("resize: %v", err)
	}
	p.Signal(runtimes.SIGKILL)
	r.wait()
}

func isTerminal(t *testing.T, s *suite) {
	did := s.run(t, s.environment(t), s.inTerminal(t, s.shell(t, `test -t 0 && test -t 1 && test -t 2 && echo yes; echo x > /dev/tty; tty | grep -c ^/dev/`)))
	if did.Status != runtimes.Completed || did.terminal != "yes\r\nx\r\n1\r\n" {
		t.Errorf("%s, terminal %q", did, did.terminal)
	}
}

func keys(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.inTerminal(t, s.shell(t, `stty -echo; echo ready; read -r line; echo "got $line"; cat; echo end`)))
	r.untilText(runtimes.Terminal, "ready")
	feed(t, p, r, []byte("a line\n"))
	r.untilText(runtimes.Terminal, "got a line")
	feed(t, p, r, []byte{4}) // control-D: end of file
	r.untilText(runtimes.Terminal, "end")
	if exit := r.wait(); exit.Status != runtimes.Completed {
		t.Errorf("%+v", exit)
	}
}

func controlC(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.inTerminal(t, s.shell(t, `trap 'echo interrupted; exit 4' INT; echo ready; while :; do sleep 0.05; done`)))
	r.untilText(runtimes.Terminal, "ready")
	feed(t, p, r, []byte{3})
	r.untilText(runtimes.Terminal, "interrupted")
	if exit := r.wait(); exit.Code == nil || *exit.Code != 4 {
		t.Errorf("%+v", exit)
	}
}

// A child that keeps the terminal open holds up nothing, and all output comes.
func terminalEnds(t *testing.T, s *suite) {
	env := s.environment(t)
	s.inTerminal(t, runtimes.Command{})
	for range 10 {
		did := s.run(t, env, s.inTerminal(t, s.shell(t, `(trap '' HUP; setsid sleep 1000 &); printf 'the last words'; exit 5`)))
		if did.terminal != "the last words" || did.Code == nil || *did.Code != 5 {
			t.Fatalf("%s, terminal %q", did, did.terminal)
		}
	}
}
