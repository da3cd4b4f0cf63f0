package guestlink

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

// links are the two ways in which trees are ended.
func links(t *testing.T, test func(t *testing.T, l *Link)) {
	t.Run("groups", func(t *testing.T) { test(t, openInGroup(t, cgroup.Limits{}, Options{})) })
	t.Run("none", func(t *testing.T) { test(t, open(t, Options{})) })
}

func TestStopIsOverWithinHalfASecond(t *testing.T) {
	links(t, func(t *testing.T, l *Link) {
		for name, c := range map[string]struct {
			script string
			signal string
			least  time.Duration
		}{
			"obeys":   {`echo up; exec sleep 60`, "SIGTERM", 0},
			"ignores": {`trap '' TERM; echo up; while :; do sleep 1; done`, "SIGKILL", runtimes.StopGrace},
			"holds":   {`trap '' TERM; (setsid sleep 60 &); echo up; exec sleep 60`, "SIGKILL", runtimes.StopGrace},
		} {
			r, p := start(t, l, shell(c.script))
			r.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
			begun := time.Now()
			p.Stop(runtimes.TimeLimitExceeded)
			p.Stop(runtimes.Cancelled) // the first counts
			exit := r.wait(t)
			took := time.Since(begun)
			if exit.Status != runtimes.TimeLimitExceeded || exit.Code != nil || exit.Signal != c.signal {
				t.Errorf("%s: %+v", name, exit)
			}
			if took < c.least || took > 500*time.Millisecond {
				t.Errorf("%s: it took %v", name, took)
			}
		}
	})
}

func TestAProgramMayTidyUpWhenItIsStopped(t *testing.T) {
	links(t, func(t *testing.T, l *Link) {
		r, p := start(t, l, shell(`trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.01; done`))
		r.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
		p.Stop(runtimes.Cancelled)
		exit := r.wait(t)
		if exit.Status != runtimes.Cancelled || exit.Code == nil || *exit.Code != 5 || r.text(runtimes.Stdout) != "up\nbye\n" {
			t.Errorf("%+v: %q", exit, r.text(runtimes.Stdout))
		}
	})
}

func TestStopWithoutAReaderIsNotDelayed(t *testing.T) {
	links(t, func(t *testing.T, l *Link) {
		r := newRecorder()
		r.stingy = true
		p, err := l.Start(t.Context(), shell(`trap '' TERM; yes`), r)
		if err != nil {
			t.Fatal(err)
		}
		r.until(t, runtimes.Stdout, func(s string) bool { return len(s) >= runtimes.Window })
		begun := time.Now()
		p.Stop(runtimes.TimeLimitExceeded)
		if exit := r.wait(t); exit.Status != runtimes.TimeLimitExceeded || time.Since(begun) > 500*time.Millisecond {
			t.Errorf("%+v after %v", exit, time.Since(begun))
		}
	})
}

func TestEverySignalArrivesByNumber(t *testing.T) {
	l := open(t, Options{})
	for _, name := range []string{"HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "TERM", "CONT", "WINCH", "PIPE", "TSTP", "IO", "PWR", "KILL"} {
		sig, ok := runtimes.ParseSignal(name)
		if !ok {
			t.Fatal(name)
		}
		script := fmt.Sprintf(`trap 'echo caught; exit 0' %d; echo up; while :; do sleep 0.01; done`, sig)
		if name == "KILL" {
			script = `echo up; while :; do sleep 0.01; done`
		}
		r, p := start(t, l, shell(script))
		r.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
		delivered, err := p.Signal(sig)
		exit := r.wait(t)
		caught := strings.HasSuffix(r.text(runtimes.Stdout), "caught\n")
		if !delivered || err != nil || caught == (name == "KILL") {
			t.Errorf("%s: %v, %v, %+v", name, delivered, err, exit)
		}
		if delivered, err := p.Signal(sig); delivered || err != nil {
			t.Errorf("%s after the exit: %v, %v", name, delivered, err)
		}
	}
}

// 18 is SIGCONT, which does nothing to a program that runs.
func TestASignalThatCrossesTheExitIsNotDelivered(t *testing.T) {
	notShort(t)
	l := open(t, Options{})
	for range 200 {
		r, p := start(t, l, shell(`exit 0`))
		for ended := false; !ended; {
			if _, err := p.Signal(18); err != nil {
				t.Fatal(err)
			}
			ended = len(r.exited) > 0
		}
		r.wait(t)
	}
	if err := l.Ping(t.Context()); err != nil {
		t.Errorf("the link is lost: %v", l.Err())
	}
}

func TestSIGKILLGoesToTheWholeTree(t *testing.T) {
	links(t, func(t *testing.T, l *Link) {
		r, p := start(t, l, shell(`(setsid sleep 64 &); echo up; sleep 64`))
		r.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
		if delivered, err := p.Signal(runtimes.SIGKILL); !delivered || err != nil {
			t.Errorf("%v, %v", delivered, err)
		}
		if exit := r.wait(t); exit.Status != runtimes.Signalled || exit.Signal != "SIGKILL" {
			t.Errorf("got %+v", exit)
		}
		if n := living(t, l, "sleep 64"); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}

func TestOutputIsLimited(t *testing.T) {
	l := open(t, Options{OutputLimit: 100_000})
	for _, c := range []struct {
		limit, want int
	}{{0, 100_000}, {5000, 5000}, {1 << 30, 100_000}} {
		cmd := shell(`yes & yes >&2`)
		cmd.Limits.OutputBytes = int64(c.limit)
		r, exit := run(t, l, cmd)
		if n := len(r.text(runtimes.Stdout)) + len(r.text(runtimes.Stderr)); exit.Status != runtimes.OutputLimitExceeded || n != c.want {
			t.Errorf("limit %d: %+v after %d bytes", c.limit, exit, n)
		}
	}
	cmd := shell(`head -c 5000 /dev/zero`)
	cmd.Limits.OutputBytes = 5000
	if _, exit := run(t, l, cmd); exit.Status != runtimes.Completed {
		t.Errorf("exactly the limit: %+v", exit)
	}
}

func TestWithoutGrantsTheProgramIsHeldUpAndMemoryStaysFlat(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{MemoryBytes: 64 << 20}, Options{})
	r := newRecorder()
	r.stingy = true
	p, err := l.Start(t.Context(), shell(`head -c 80m /dev/zero; echo end >&2`), r)
	if err != nil {
		t.Fatal(err)
	}
	r.until(t, runtimes.Stdout, func(s string) bool { return len(s) == runtimes.Window })
	// It stays there: the window is all that comes without a grant.
	other, exit := run(t, l, shell("seq 1000"))
	if exit.Status != runtimes.Completed || !strings.HasSuffix(other.text(runtimes.Stdout), "1000\n") {
		t.Errorf("another execution: %+v", exit)
	}
	if n := len(r.text(runtimes.Stdout)); n != runtimes.Window {
		t.Errorf("%d bytes came", n)
	}
	p.Grant(1000)
	r.until(t, runtimes.Stdout, func(s string) bool { return len(s) == runtimes.Window+1000 })
	r.mu.Lock()
	r.process, r.stingy, r.owed = p, false, r.owed-1000
	r.mu.Unlock()
	r.pay()
	if exit := r.wait(t); exit.Status != runtimes.Completed || len(r.text(runtimes.Stdout)) != 80<<20 || r.text(runtimes.Stderr) != "end\n" {
		t.Errorf("%+v after %d bytes", exit, len(r.text(runtimes.Stdout)))
	}
}

func TestAThousandOrphansAreReaped(t *testing.T) {
	notShort(t)
	l := open(t, Options{})
	r, p := start(t, l, shell(`i=0; while [ $i -lt 1000 ]; do (true &) ; i=$((i+1)); [ $((i%100)) != 0 ] || echo $i; done; exec sleep 60`))
	for i := 100; i <= 1000; i += 100 { // each within the time, however slow the machine
		r.until(t, runtimes.Stdout, func(s string) bool { return strings.Contains(s, strconv.Itoa(i)+"\n") })
	}
	waitFor(t, "the reaper", func() bool {
		zombies, _ := run(t, l, shell(`grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l`))
		return strings.TrimSpace(zombies.text(runtimes.Stdout)) == "0"
	})
	p.Stop(runtimes.Cancelled)
	r.wait(t)
}

func TestTheDeathOfTheAgentEndsEverythingWithNothingInvented(t *testing.T) {
	a := startAgent(t)
	l := openOn(t, a, Options{})
	var recorders []*recorder
	for range 3 {
		r, _ := start(t, l, shell(`echo up; exec sleep 60`))
		r.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
		recorders = append(recorders, r)
	}
	if err := a.kill(); err != nil {
		t.Fatal(err)
	}
	for _, r := range recorders {
		expectLost(t, l, r)
	}
}

func TestCloseTellsRunningProgramsAndIsNoLoss(t *testing.T) {
	links(t, func(t *testing.T, l *Link) {
		r, p := start(t, l, shell(`exec sleep 60`))
		l.Close()
		l.Close()
		if exit := r.wait(t); exit.Status != runtimes.EnvironmentLost || exit.Code != nil {
			t.Errorf("got %+v", exit)
		}
		select {
		case <-l.Lost():
			t.Error("a closed link is lost")
		default:
		}
		p.Stop(runtimes.Cancelled)
		p.Grant(1)
		p.CloseInput()
		if delivered, err := p.Signal(runtimes.SIGTERM); delivered || err != runtimes.ErrEnvironmentLost {
			t.Errorf("signal: %v, %v", delivered, err)
		}
	})
}
