package fake

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestBuiltinsEndAsTheyShould(t *testing.T) {
	for _, c := range []struct {
		cmd    runtimes.Command
		status runtimes.Status
		code   int
		stdout string
	}{
		{command("true"), runtimes.Completed, 0, ""},
		{command("print", "a", "b"), runtimes.Completed, 0, "a b"},
		{command("fail", "7"), runtimes.NonZeroExit, 7, ""},
		{command("pwd"), runtimes.Completed, 0, "/workspace\n"},
		{command("sleep", "1h"), runtimes.Completed, 0, ""},
		{runtimes.Command{Name: "env", Env: []string{"B=2"}}, runtimes.Completed, 0, "A=1\nB=2\n"},
		{runtimes.Command{Name: "cat", Stdin: []byte("in\x00\xff")}, runtimes.Completed, 0, "in\x00\xff"},
	} {
		t.Run(c.cmd.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, s := start(t, newEnvironment(t, New(Options{})), c.cmd)
				exit := <-s.exited
				if exit.Status != c.status || exit.Code == nil || *exit.Code != c.code || s.text(runtimes.Stdout) != c.stdout {
					t.Errorf("%+v, stdout %q", exit, s.text(runtimes.Stdout))
				}
			})
		})
	}
}

func TestAnUnknownProgramCouldNotStart(t *testing.T) {
	e := newEnvironment(t, New(Options{}))
	for _, cmd := range []runtimes.Command{command("nosuch"), {Name: "print", Dir: "missing"}} {
		_, s := start(t, e, cmd)
		if exit := <-s.exited; exit.Status != runtimes.CouldNotStart || exit.Code != nil || exit.Message == "" {
			t.Errorf("%+v", exit)
		}
	}
}

func TestAProgramOfTheOptionsRuns(t *testing.T) {
	r := New(Options{Programs: map[string]Program{"true": func(r *Run) int { return 3 }}})
	_, s := start(t, newEnvironment(t, r), command("true"))
	if exit := <-s.exited; exit.Code == nil || *exit.Code != 3 {
		t.Errorf("%+v", exit)
	}
}

func TestSpillWaitsForGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := start(t, newEnvironment(t, New(Options{})), command("spill", "300000"))
		synctest.Wait()
		if n := len(s.text(runtimes.Stdout)) + len(s.text(runtimes.Stderr)); n != runtimes.Window {
			t.Fatalf("%d bytes without a grant, want %d", n, runtimes.Window)
		}
		p.Grant(100)
		synctest.Wait()
		if n := len(s.text(runtimes.Stdout)) + len(s.text(runtimes.Stderr)); n != runtimes.Window+100 {
			t.Fatalf("%d bytes after a grant of 100", n)
		}
		p.Grant(1 << 20)
		<-s.exited
		if out, complaint := len(s.text(runtimes.Stdout)), len(s.text(runtimes.Stderr)); out != 300000 || complaint != 300000 {
			t.Errorf("%d and %d bytes", out, complaint)
		}
	})
}

func TestTheOutputLimitEndsAProgram(t *testing.T) {
	cmd := command("spill", "300000")
	cmd.Limits.OutputBytes = 1000
	_, s := start(t, newEnvironment(t, New(Options{})), cmd)
	if exit := <-s.exited; exit.Status != runtimes.OutputLimitExceeded || len(s.text(runtimes.Stdout)) != 1000 {
		t.Errorf("%+v after %d bytes", exit, len(s.text(runtimes.Stdout)))
	}
}

func TestInputIsTakenAsItFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		r := New(Options{Programs: map[string]Program{"late": func(r *Run) int { <-read; return cat(r) }}})
		p, s := start(t, newEnvironment(t, r), runtimes.Command{Name: "late", OpenStdin: true})
		n, err := p.Input(make([]byte, runtimes.InputBuffer+1))
		if n != runtimes.InputBuffer || err != nil {
			t.Fatalf("accepted %d, %v", n, err)
		}
		if n, err := p.Input([]byte("x")); n != 0 || err != nil {
			t.Errorf("accepted %d into a full buffer, %v", n, err)
		}
		close(read)
		synctest.Wait()
		if s.ready == 0 {
			t.Error("nobody was told of room")
		}
		p.Input([]byte("end"))
		p.CloseInput()
		if _, err := p.Input([]byte("x")); !errors.Is(err, runtimes.ErrInputClosed) {
			t.Errorf("input after its end: %v", err)
		}
		<-s.exited
		if got := s.text(runtimes.Stdout); len(got) != runtimes.InputBuffer+3 || got[len(got)-3:] != "end" {
			t.Errorf("%d bytes came through", len(got))
		}
	})
}

func TestStopKillsAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := start(t, newEnvironment(t, New(Options{})), command("stubborn"))
		synctest.Wait()
		begin := time.Now()
		p.Stop(runtimes.TimeLimitExceeded)
		p.Stop(runtimes.Cancelled)
		exit := <-s.exited
		if exit.Status != runtimes.TimeLimitExceeded || exit.Signal != "SIGKILL" || exit.Code != nil || time.Since(begin) != runtimes.StopGrace {
			t.Errorf("%+v after %v", exit, time.Since(begin))
		}
	})
}

func TestSignalsReachAProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnvironment(t, New(Options{}))
		p, s := start(t, e, command("trap"))
		synctest.Wait()
		p.Signal(10)
		synctest.Wait()
		p.Signal(runtimes.SIGTERM)
		exit := <-s.exited
		if got := s.text(runtimes.Stdout); got != "ready\nSIGUSR1\nSIGTERM\n" || exit.Status != runtimes.Completed {
			t.Errorf("%q, %+v", got, exit)
		}
		if delivered, err := p.Signal(10); delivered || err != nil {
			t.Errorf("a signal to the dead: %v, %v", delivered, err)
		}
		p, s = start(t, e, command("sleep", "1h"))
		p.Signal(2)
		if exit := <-s.exited; exit.Status != runtimes.Signalled || exit.Signal != "SIGINT" || exit.Code != nil {
			t.Errorf("%+v", exit)
		}
	})
}

func TestATerminalHasASize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := start(t, newEnvironment(t, New(Options{})), runtimes.Command{Name: "size", Terminal: &runtimes.TerminalSize{Columns: 80, Rows: 24}})
		synctest.Wait()
		if err := p.Resize(runtimes.TerminalSize{Columns: 100, Rows: 30}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := s.text(runtimes.Terminal); got != "80x24\n100x30\n" {
			t.Errorf("%q", got)
		}
		p.Stop(runtimes.Cancelled)
		<-s.exited
	})
}
