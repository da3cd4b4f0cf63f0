package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/codebeaker/codebeaker/runtimes"
)

// typist sits before a terminal.
type typist struct {
	t     *testing.T
	cmd   *exec.Cmd
	tty   *os.File
	shown chan string // closed when the terminal is gone
	seen  string      // and not matched yet
}

func newTypist(t *testing.T, cmd *exec.Cmd) *typist {
	t.Helper()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 91, Rows: 33})
	if err != nil {
		t.Fatal(err)
	}
	y := &typist{t: t, cmd: cmd, tty: tty, shown: make(chan string, 1024)}
	go y.watch()
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), tty.Close() })
	return y
}

func (y *typist) watch() {
	defer close(y.shown)
	for piece := make([]byte, 4096); ; {
		n, err := y.tty.Read(piece)
		if err != nil {
			return
		}
		y.shown <- string(piece[:n])
	}
}

// see waits until the terminal shows text behind what was seen before.
func (y *typist) see(text string) {
	y.t.Helper()
	late := time.After(time.Minute)
	for {
		if _, rest, ok := strings.Cut(y.seen, text); ok {
			y.seen = rest
			return
		}
		select {
		case piece, ok := <-y.shown:
			if !ok {
				y.t.Fatalf("it ended before %q; the terminal shows %q", text, y.seen)
			}
			y.seen += piece
		case <-late:
			y.t.Fatalf("no %q; the terminal shows %q", text, y.seen)
		}
	}
}

func (y *typist) enter(text string) {
	y.t.Helper()
	if _, err := y.tty.WriteString(text); err != nil {
		y.t.Fatal(err)
	}
}

// exit waits for the end and returns the exit code.
func (y *typist) exit() int {
	y.t.Helper()
	go func() { // a terminal that is full would hold up the command
		for range y.shown {
		}
	}()
	_ = y.cmd.Wait()
	_ = y.tty.Close()
	return y.cmd.ProcessState.ExitCode()
}

func TestShellIsATerminalInASession(t *testing.T) {
	c, p := cliOn(t, runtimes.Native)
	for _, kind := range []runtimes.Type{runtimes.Native, runtimes.Docker} {
		t.Run(kind.String(), func(t *testing.T) {
			need(t, p, kind)
			y := newTypist(t, c.command(t, "shell", "--runtime", kind.String(), "python"))
			y.see("python on " + kind.String())
			y.enter("stty size; echo $((6*7))_answer\r")
			y.see("33 91")
			y.see("42_answer")
			if err := pty.Setsize(y.tty, &pty.Winsize{Cols: 120, Rows: 40}); err != nil {
				t.Fatal(err)
			}
			// The new size arrives some time after the signal.
			y.enter("until [ \"$(stty size)\" = '40 120' ]; do sleep 0.05; done; echo re''sized\r")
			y.see("resized")
			// One process says it and sleeps: between two commands Ctrl-C would be the shell's.
			y.enter("sh -c 'echo sl\"\"eeping; exec sleep 60'\r")
			y.see("sleeping")
			y.enter("\x03") // Ctrl-C is the program's: the terminal is raw
			y.enter("echo un''harmed; exit 9\r")
			y.see("unharmed")
			if code := y.exit(); code != 9 {
				t.Errorf("exit code %d", code)
			}
		})
	}
	c.wantNoSession(t)
}

func TestCLIShellOnNative(t *testing.T) {
	notShort(t)
	onOneServer(t, []use{
		{"RunsAnInteractiveProgram", shellRunsAnInteractiveProgram},
		{"ThatIsEndedClosesItsSession", endedShellClosesItsSession},
		{"ThatIsEndedInANamedSessionKillsItsProgram", endedShellKillsInNamedSession},
		{"HasAReplForLines", replIsTyped},
	})
}

func shellRunsAnInteractiveProgram(t *testing.T, c *cli) {
	y := newTypist(t, c.command(t, "shell", "python", "--", "python3", "-q"))
	y.see(">>> ")
	y.enter("print('ab' * 3)\r")
	y.see("ababab")
	y.see(">>> ") // it reads again: before, Ctrl-D would be no end of file
	y.enter("\x04")
	if code := y.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.wantNoSession(t)
}

// Whoever ends the command ends the session, and the terminal is as before.
func endedShellClosesItsSession(t *testing.T, c *cli) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		y := newTypist(t, c.command(t, "shell", "python", "--", "sh", "-c", "echo ready; cat"))
		y.see("ready")
		if err := y.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if code := y.exit(); code != 128+int(signal) {
			t.Errorf("%v: exit code %d", signal, code)
		}
	}
	c.wantNoSession(t)
}

func endedShellKillsInNamedSession(t *testing.T, c *cli) {
	k, id := c.session(t)
	y := newTypist(t, c.command(t, "shell", "--session", id, "python", "--", "sh", "-c", "trap '' HUP; echo ready; cat"))
	y.see("ready")
	if err := y.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := y.exit(); code != 128+int(syscall.SIGHUP) {
		t.Errorf("exit code %d", code)
	}
	wantKilled(t, k, id)
}
