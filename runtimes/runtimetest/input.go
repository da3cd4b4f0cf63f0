package runtimetest

import (
	"errors"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var inputCases = []testCase{
	{"WithoutInputAProgramReadsItsEnd", noInput},
	{"StdinIsReadWhole", stdinWhole},
	{"OpenInputIsReadAsItComes", openInput},
	{"InputFollowsStdin", inputFollowsStdin},
	{"LargeInputComesThrough", largeInput},
	{"AProgramThatDoesNotReadIsNotFed", inputBounded},
	{"InputIsRefusedAtTheRightTime", inputRefused},
}

func noInput(t *testing.T, s *suite) {
	if got := s.succeeds(t, s.environment(t), s.programs.Echo()); got != "" {
		t.Errorf("read %q", got)
	}
}

func stdinWhole(t *testing.T, s *suite) {
	env := s.environment(t)
	for _, size := range []int{1, 4096, runtimes.InputBuffer, runtimes.InputBuffer + 1, 1 << 20} {
		cmd := s.programs.Echo()
		cmd.Stdin = []byte(allBytes(size))
		if got := s.succeeds(t, env, cmd); got != allBytes(size) {
			t.Errorf("%d bytes of %d came back, or changed", len(got), size)
		}
	}
}

// feed hands over all of data, waiting for room.
func feed(t testing.TB, p runtimes.Flow, r *recorder, data []byte) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for len(data) > 0 {
		before := r.readies()
		n, err := p.Input(data)
		if err != nil {
			t.Fatalf("input: %v", err)
		}
		data = data[n:]
		if len(data) > 0 {
			r.until("there was room for input", func() bool { return r.readies() > before || time.Now().After(deadline) })
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes of input were not taken", len(data))
		}
	}
}

func openInput(t *testing.T, s *suite) {
	cmd := s.programs.Echo()
	cmd.OpenStdin = true
	p, r := s.start(t, s.environment(t), cmd)
	for _, text := range []string{"one\n", "two\n"} {
		feed(t, p, r, []byte(text))
		r.untilText(runtimes.Stdout, text)
	}
	p.CloseInput()
	if exit := r.wait(); exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != "one\ntwo\n" {
		t.Errorf("%+v, %q", exit, r.text(runtimes.Stdout))
	}
}

func inputFollowsStdin(t *testing.T, s *suite) {
	cmd := s.programs.Echo()
	cmd.OpenStdin, cmd.Stdin = true, []byte(allBytes(200_000))
	p, r := s.start(t, s.environment(t), cmd)
	feed(t, p, r, []byte("and then this"))
	p.CloseInput()
	r.wait()
	if got, want := r.text(runtimes.Stdout), allBytes(200_000)+"and then this"; got != want {
		t.Errorf("%d bytes of %d came back, or changed", len(got), len(want))
	}
}

func largeInput(t *testing.T, s *suite) {
	cmd := s.programs.Echo()
	cmd.OpenStdin = true
	p, r := s.start(t, s.environment(t), cmd)
	want := allBytes(3 << 20)
	feed(t, p, r, []byte(want))
	p.CloseInput()
	r.wait()
	if got := r.text(runtimes.Stdout); got != want {
		t.Errorf("%d bytes of %d came back, or changed", len(got), len(want))
	}
}

// The server's memory does not grow, and nothing else is held up.
func inputBounded(t *testing.T, s *suite) {
	env := s.environment(t)
	cmd := s.programs.Sleep(time.Hour)
	cmd.OpenStdin = true
	p, r := s.start(t, env, cmd)
	// A kernel's pipe and what is on the way come on top of the buffer.
	const most = 8 * runtimes.InputBuffer
	taken, piece := 0, make([]byte, 16<<10)
	for still := time.Now(); time.Since(still) < 500*time.Millisecond && taken <= most; {
		n, err := p.Input(piece)
		if err != nil {
			t.Fatal(err)
		}
		if taken += n; n > 0 {
			still = time.Now()
		} else {
			time.Sleep(5 * time.Millisecond) // ask again, as a client would
		}
	}
	if taken > most || taken < runtimes.InputBuffer {
		t.Errorf("%d bytes were taken for a program that reads none", taken)
	}
	s.succeeds(t, env, s.programs.Print("meanwhile", ""))
	if delivered, err := p.Signal(runtimes.SIGKILL); !delivered || err != nil {
		t.Errorf("signal: %v, %v", delivered, err)
	}
	r.wait()
}

func inputRefused(t *testing.T, s *suite) {
	env := s.environment(t)
	refused := func(what string, p runtimes.Process) {
		t.Helper()
		if n, err := p.Input([]byte("x")); n != 0 || !errors.Is(err, runtimes.ErrInputClosed) {
			t.Errorf("%s: %d bytes taken, %v", what, n, err)
		}
	}
	p, r := s.start(t, env, s.programs.Sleep(time.Hour))
	refused("a command without input", p)
	p.Signal(runtimes.SIGKILL)
	r.wait()
	refused("a program that has ended", p)

	cmd := s.programs.Sleep(time.Hour)
	cmd.OpenStdin = true
	p, r = s.start(t, env, cmd)
	p.CloseInput()
	p.CloseInput()
	refused("after CloseInput", p)
	p.Signal(runtimes.SIGKILL)
	r.wait()

	if s.programs.Shell == nil {
		return
	}
	cmd = s.shell(t, `exec <&-; echo closed; sleep 1000`)
	cmd.OpenStdin = true
	p, r = s.start(t, env, cmd)
	r.untilText(runtimes.Stdout, "closed")
	deadline := time.Now().Add(patience)
	for {
		if _, err := p.Input(make([]byte, 1024)); errors.Is(err, runtimes.ErrInputClosed) {
			break
		}
		if time.Now().After(deadline) {
			t.Error("a program that closed its input still takes some")
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.Signal(runtimes.SIGKILL)
	r.wait()
}
