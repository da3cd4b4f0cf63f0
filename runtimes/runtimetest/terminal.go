package runtimetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var terminalCases = []testCase{
	{"ATerminalHasItsSize", terminalSize},
	{"WithoutATerminalThereIsNoSize", noTerminal},
	{"ATerminalIsATerminal", isTerminal},
	{"KeysAreInput", keys},
	{"ControlCInterrupts", controlC},
	{"ControlCEndsTheJobAndNotItsShell", controlCJob},
	{"ResizingIsASignal", resizeSignals},
	{"ManyResizesEndInTheLast", resizeStorm},
	{"BytesPassATerminalUnchanged", terminalBytes},
	{"AnInteractiveShellExits", shellExits},
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

func controlCJob(t *testing.T, s *suite) {
	cmd := s.inTerminal(t, s.shell(t, ""))
	cmd.Args = []string{"-i"}
	cmd.Env = []string{"PS1=> "}
	p, r := s.start(t, s.environment(t), cmd)
	r.untilText(runtimes.Terminal, "> ")
	feed(t, p, r, []byte("echo be''gin; sleep 1000\n"))
	r.untilText(runtimes.Terminal, "begin")
	for deadline := time.Now().Add(patience); !strings.Contains(r.text(runtimes.Terminal), "code 130"); {
		// The first may come before the job has the terminal.
		feed(t, p, r, []byte("\x03"))
		feed(t, p, r, []byte("echo co''de $?\n"))
		time.Sleep(100 * time.Millisecond)
		if time.Now().After(deadline) {
			t.Fatalf("control-C did not end the job: %q", r.text(runtimes.Terminal))
		}
	}
	feed(t, p, r, []byte("exit 3\n"))
	if exit := r.wait(); exit.Code == nil || *exit.Code != 3 {
		t.Errorf("%+v", exit)
	}
}

func resizeSignals(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.inTerminal(t, s.shell(t, `trap 'echo "changed to $(stty size)"' WINCH; echo ready; while :; do sleep 0.02; done`)))
	r.untilText(runtimes.Terminal, "ready")
	if err := p.Resize(runtimes.TerminalSize{Columns: 120, Rows: 50}); err != nil {
		t.Error(err)
	}
	r.untilText(runtimes.Terminal, "changed to 50 120")
	p.Signal(runtimes.SIGKILL)
	r.wait()
}

// What comes faster than it can be seen is merged.
func resizeStorm(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.inTerminal(t, s.programs.Size()))
	r.untilText(runtimes.Terminal, "90x30")
	begin := time.Now()
	for i := range 10_000 {
		if err := p.Resize(runtimes.TerminalSize{Columns: uint16(1 + i%1000), Rows: uint16(1 + i%1000)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Resize(runtimes.TerminalSize{Columns: 77, Rows: 55}); err != nil {
		t.Error(err)
	}
	t.Logf("10,000 took %v", time.Since(begin).Round(time.Millisecond))
	r.untilText(runtimes.Terminal, "77x55")
	p.Signal(runtimes.SIGKILL)
	r.wait()
}

// Colours, cursor movements and what is no text.
func terminalBytes(t *testing.T, s *suite) {
	const want = "\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\a \x00\x80\xff\xc3\xa9"
	did := s.run(t, s.environment(t), s.inTerminal(t, s.shell(t, `stty -opost; printf '\033[31mred\033[0m \033[2J\033]0;title\007 \000\200\377\303\251'`)))
	if did.terminal != want {
		t.Errorf("terminal %q, want %q", did.terminal, want)
	}
}

// Control-D and exit end the shell alone: the environment is usable.
func shellExits(t *testing.T, s *suite) {
	env := s.environment(t)
	for _, typed := range []string{"exit 0\n", "\x04", "set -e; false; exit 9\n"} {
		cmd := s.inTerminal(t, s.shell(t, ""))
		cmd.Args = []string{"-i"}
		cmd.Env = []string{"PS1=> "}
		p, r := s.start(t, env, cmd)
		r.untilText(runtimes.Terminal, "> ")
		feed(t, p, r, []byte(typed))
		if exit := r.wait(); exit.Code == nil || (*exit.Code == 0) != !strings.Contains(typed, "false") {
			t.Errorf("%q: %+v", typed, exit)
		}
		s.succeeds(t, env, s.programs.Print("usable", ""))
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
