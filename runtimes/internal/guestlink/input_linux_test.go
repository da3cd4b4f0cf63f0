package guestlink

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestStdinIsGivenFirstAndThenEndOfFile(t *testing.T) {
	l := open(t, Options{})
	big := bytes.Repeat([]byte{0, 0xff, '\n'}, 1<<20)
	r, exit := run(t, l, runtimes.Command{Name: "cat", Stdin: big})
	if exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != string(big) {
		t.Errorf("%+v, %d bytes", exit, len(r.text(runtimes.Stdout)))
	}
	r, exit = run(t, l, runtimes.Command{Name: "cat"})
	if exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != "" {
		t.Errorf("without input: %+v", exit)
	}
}

func TestInputFlowsWhileTheProgramRuns(t *testing.T) {
	l := open(t, Options{})
	cmd := runtimes.Command{Name: "cat", Stdin: []byte("first "), OpenStdin: true}
	r, p := start(t, l, cmd)
	r.until(t, runtimes.Stdout, func(s string) bool { return s == "first " })
	if n, err := p.Input([]byte("second")); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	r.until(t, runtimes.Stdout, func(s string) bool { return s == "first second" })
	p.CloseInput()
	if exit := r.wait(t); exit.Status != runtimes.Completed {
		t.Errorf("got %+v", exit)
	}
	if _, err := p.Input([]byte("x")); !errors.Is(err, runtimes.ErrInputClosed) {
		t.Errorf("after the exit: %v", err)
	}
}

func TestManyMegabytesOfInputArriveWholeByCredit(t *testing.T) {
	l := open(t, Options{})
	r, p := start(t, l, runtimes.Command{Name: "cksum", OpenStdin: true})
	sent := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16) // 1 MiB
	for rest := bytes.Repeat(sent, 8); len(rest) > 0; {
		n, err := p.Input(rest)
		if err != nil {
			t.Fatal(err)
		}
		if rest = rest[n:]; len(rest) > 0 {
			select {
			case <-r.ready:
			case <-time.After(20 * time.Second):
				t.Fatal("no room was told")
			}
		}
	}
	p.CloseInput()
	exit := r.wait(t)
	if got := r.text(runtimes.Stdout); exit.Status != runtimes.Completed || !strings.HasSuffix(strings.TrimSpace(got), " 8388608") {
		t.Errorf("%+v: %s", exit, got)
	}
}

func TestAProgramThatNeverReadsTakesWhatFitsAndCanBeSignalled(t *testing.T) {
	l := open(t, Options{})
	r, p := start(t, l, runtimes.Command{Name: "sleep", Args: []string{"60"}, OpenStdin: true})
	total := 0
	for range 100 { // the pipe of the kernel and the agent's buffer fill up
		n, err := p.Input(make([]byte, 64<<10))
		if err != nil {
			t.Fatal(err)
		}
		total += n
		if n == 0 {
			select {
			case <-r.ready:
				continue
			case <-time.After(300 * time.Millisecond):
			}
			break
		}
	}
	if total < 64<<10 || total > 256<<10 {
		t.Errorf("%d bytes were accepted", total)
	}
	if delivered, err := p.Signal(runtimes.SIGTERM); !delivered || err != nil {
		t.Errorf("signal: %v, %v", delivered, err)
	}
	if exit := r.wait(t); exit.Signal != "SIGTERM" || exit.Status != runtimes.Signalled {
		t.Errorf("got %+v", exit)
	}
}

func TestAProgramThatClosesItsInputRefusesMore(t *testing.T) {
	l := open(t, Options{})
	cmd := shell(`exec <&-; echo closed; sleep 60`)
	cmd.OpenStdin = true
	r, p := start(t, l, cmd)
	r.until(t, runtimes.Stdout, func(s string) bool { return s == "closed\n" })
	waitFor(t, "the refusal", func() bool {
		_, err := p.Input([]byte("x"))
		return errors.Is(err, runtimes.ErrInputClosed)
	})
	p.Stop(runtimes.Cancelled)
	r.wait(t)
}

var terminal = &runtimes.TerminalSize{Columns: 80, Rows: 24}

func TestATerminalEchoesAndEndsItsInput(t *testing.T) {
	l := open(t, Options{})
	if !l.Report().Terminal {
		t.Fatal("no terminal could be made")
	}
	cmd := shell(`while read x; do echo "got $x"; done; tty >/dev/null && echo end`)
	cmd.Terminal, cmd.OpenStdin = terminal, true
	r, p := start(t, l, cmd)
	p.Input([]byte("line\n"))
	r.until(t, runtimes.Terminal, func(s string) bool { return strings.Contains(s, "got line\r\n") })
	p.CloseInput()
	if exit := r.wait(t); exit.Status != runtimes.Completed || r.text(runtimes.Terminal) != "line\r\ngot line\r\nend\r\n" {
		t.Errorf("%+v: %q", exit, r.text(runtimes.Terminal))
	}
}

func TestATerminalIsResizedAndTheProgramIsTold(t *testing.T) {
	l := open(t, Options{})
	cmd := shell(`trap 'stty size; exit 3' WINCH; stty size; while :; do sleep 0.01; done`)
	cmd.Terminal, cmd.OpenStdin = terminal, true
	r, p := start(t, l, cmd)
	r.until(t, runtimes.Terminal, func(s string) bool { return s == "24 80\r\n" })
	if err := p.Resize(runtimes.TerminalSize{Columns: 132, Rows: 50}); err != nil {
		t.Fatal(err)
	}
	if exit := r.wait(t); exit.Code == nil || *exit.Code != 3 || r.text(runtimes.Terminal) != "24 80\r\n50 132\r\n" {
		t.Errorf("%+v: %q", exit, r.text(runtimes.Terminal))
	}
}

func TestTheInterruptCharacterOfATerminalInterrupts(t *testing.T) {
	l := open(t, Options{})
	cmd := shell(`echo up; exec sleep 60`)
	cmd.Terminal = terminal
	cmd.OpenStdin = true
	r, p := start(t, l, cmd)
	r.until(t, runtimes.Terminal, func(s string) bool { return strings.Contains(s, "up") })
	p.Input([]byte{3})
	if exit := r.wait(t); exit.Signal != "SIGINT" {
		t.Errorf("got %+v", exit)
	}
}

func TestALotThroughATerminalIsExact(t *testing.T) {
	l := open(t, Options{})
	cmd := shell(`seq 200000`)
	cmd.Terminal = terminal
	r, exit := run(t, l, cmd)
	got := r.text(runtimes.Terminal)
	if exit.Status != runtimes.Completed || strings.Count(got, "\r\n") != 200000 || !strings.HasSuffix(got, "\r\n200000\r\n") {
		t.Errorf("%+v: %d lines, %.40q", exit, strings.Count(got, "\r\n"), got[max(0, len(got)-40):])
	}
}

func TestAProgramWithoutATerminalHasNone(t *testing.T) {
	l := open(t, Options{})
	r, p := start(t, l, shell("sleep 60"))
	if err := p.Resize(runtimes.TerminalSize{}); !errors.Is(err, runtimes.ErrNoTerminal) {
		t.Errorf("got %v", err)
	}
	p.Stop(runtimes.Cancelled)
	r.wait(t)
}
