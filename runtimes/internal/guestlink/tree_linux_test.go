package guestlink

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// What the agent does where there are no control groups, for an execution that
// is alone and for one beside another.

func eachWay(t *testing.T, test func(t *testing.T, l *Link)) {
	t.Run("alone", func(t *testing.T) { test(t, openHardened(t)) })
	t.Run("beside", func(t *testing.T) {
		l := openHardened(t)
		beside(t, l)
		test(t, l)
	})
}

// beside starts an execution that runs as long as the test, and checks that it
// does.
func beside(t *testing.T, l *Link) {
	t.Helper()
	r, p := start(t, l, shell(`(setsid sleep 600 &); echo up; exec sleep 600`))
	r.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
	t.Cleanup(func() {
		select {
		case exit := <-r.exited:
			t.Errorf("the execution beside was ended: %+v", exit)
		default:
			if living(t, l, "sleep 600") != 2 {
				t.Error("the execution beside lost a process")
			}
			p.Stop(runtimes.Cancelled)
			r.wait(t)
		}
		if living(t, l, "sleep 600") != 0 {
			t.Error("the execution beside left a process")
		}
	})
}

// living counts the processes of the environment with that command line.
func living(t *testing.T, l *Link, line string) int {
	t.Helper()
	r, exit := run(t, l, shell(`for p in /proc/[0-9]*; do tr '\0' ' ' < $p/cmdline; echo; done 2>/dev/null`))
	if exit.Status != runtimes.Completed {
		t.Fatalf("%+v", exit)
	}
	n := 0
	for got := range strings.Lines(r.text(runtimes.Stdout)) {
		if strings.TrimSpace(got) == line {
			n++
		}
	}
	return n
}

func TestWithoutGroupsTheWholeTreeEnds(t *testing.T) {
	eachWay(t, func(t *testing.T, l *Link) {
		r, exit := run(t, l, shell(`sleep 61 & (setsid sh -c 'sleep 61 & exec sleep 61' &); setsid sleep 61 & echo out; exit 7`))
		if exit.Status != runtimes.NonZeroExit || *exit.Code != 7 || r.text(runtimes.Stdout) != "out\n" {
			t.Errorf("got %+v, %q", exit, r.text(runtimes.Stdout))
		}
		if n := living(t, l, "sleep 61"); n != 0 {
			t.Errorf("%d processes are left", n)
		}
	})
}

// churn forks without end, in sessions of its own, and ignores signals; it has
// some fifty processes at a time.
const (
	branch = `while :; do sleep 0.311 & (sleep 0.311 &) ; sleep 0.311; done`
	churn  = `trap '' TERM INT HUP PIPE
i=0; while [ $i -lt 20 ]; do i=$((i+1))
	setsid sh -c '` + branch + `' & done
exec sleep 60`
)

func TestWithoutGroupsAForkBombEnds(t *testing.T) {
	notShort(t)
	eachWay(t, func(t *testing.T, l *Link) {
		r, p := start(t, l, shell(churn))
		waitFor(t, "the bomb to grow", func() bool { return living(t, l, "sh -c "+branch) == 20 })
		begun := time.Now()
		p.Stop(runtimes.TimeLimitExceeded)
		exit := r.wait(t)
		if took := time.Since(begun); exit.Status != runtimes.TimeLimitExceeded || took > time.Second {
			t.Errorf("%+v after %v", exit, took)
		}
		if n := living(t, l, "sleep 0.311"); n != 0 {
			t.Errorf("%d processes are left", n)
		}
	})
}

func TestWithoutGroupsTheUsageOfTheTreeIsTold(t *testing.T) {
	eachWay(t, func(t *testing.T, l *Link) {
		_, exit := run(t, l, shell(`(setsid sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done' &) | cat`))
		if cpu := exit.Usage.CPU; cpu == nil || *cpu < 20*time.Millisecond || *cpu > 30*time.Second || exit.Usage.PeakMemory != nil {
			t.Errorf("got %+v", exit.Usage)
		}
		_, exit = run(t, l, shell(`exit 0`))
		if cpu := exit.Usage.CPU; cpu == nil || *cpu > 20*time.Millisecond {
			t.Errorf("the next has the usage of the one before: %v", *cpu)
		}
	})
}

func TestWithoutGroupsProcessorTimeIsLimited(t *testing.T) {
	eachWay(t, func(t *testing.T, l *Link) {
		cmd := shell(`(setsid sh -c 'while :; do :; done' &); while :; do :; done`)
		cmd.Limits.CPU = 300 * time.Millisecond
		_, exit := run(t, l, cmd)
		if exit.Status != runtimes.TimeLimitExceeded || exit.Usage.Wall > 5*time.Second {
			t.Errorf("got %+v", exit)
		}
	})
}

func TestWithoutGroupsMemoryAndProcessesAreLimitedByResource(t *testing.T) {
	l := openHardened(t)
	for _, megabytes := range []int64{4, 16, 64} {
		cmd := shell(`echo up; x=$(head -c 100m /dev/zero | tr '\0' x); echo ${#x}`)
		cmd.Limits.MemoryBytes = megabytes << 20
		if r, exit := run(t, l, cmd); exit.Status == runtimes.Completed || exit.Status == runtimes.CouldNotStart || r.text(runtimes.Stdout) != "up\n" {
			t.Errorf("%d MB: %+v %q", megabytes, exit, r.text(runtimes.Stdout))
		}
	}
	cmd := shell(`i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); echo $i; done`)
	cmd.Limits.Processes = 10
	r, exit := run(t, l, cmd)
	if n := strings.Count(r.text(runtimes.Stdout), "\n"); exit.Status != runtimes.NonZeroExit || n < 7 || n > 10 {
		t.Errorf("%d processes: %+v %q", n, exit, r.text(runtimes.Stderr))
	}
	cmd = runtimes.Command{Name: "/etc/passwd"}
	cmd.Limits.Processes = 10
	if _, exit := run(t, l, cmd); exit.Status != runtimes.CouldNotStart || exit.Message != `"/etc/passwd" may not be executed` {
		t.Errorf("got %+v", exit)
	}
	cmd = runtimes.Command{Name: "tty", Terminal: terminal}
	cmd.Limits.MemoryBytes = 64 << 20
	if r, exit := run(t, l, cmd); exit.Status != runtimes.Completed {
		t.Errorf("a terminal: %+v %q", exit, r.text(runtimes.Terminal))
	}
}

// Each has a keeper, which goes on in the agent's memory while the agent starts
// the next.
func TestWithoutGroupsManyThatStartAtOnceAllEnd(t *testing.T) {
	l := openHardened(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 100 {
				want := fmt.Sprintf("%d of %d", j, i)
				r := newRecorder()
				p, err := l.Start(context.Background(), shell("printf '"+want+"'"), r)
				if err != nil {
					t.Error(err)
					return
				}
				r.follow(p)
				select {
				case exit := <-r.exited:
					if exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != want {
						t.Errorf("%s: %+v, %q", want, exit, r.text(runtimes.Stdout))
					}
				case <-time.After(60 * time.Second):
					t.Errorf("%s did not end", want)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestAKeeperThatItsProgramKillsSavesNothing(t *testing.T) {
	l := openHardened(t)
	lone, p := start(t, l, shell(`exec sleep 600`))
	defer func() {
		if len(lone.exited) != 0 {
			t.Error("the execution beside was ended")
		}
		p.Stop(runtimes.Cancelled)
		lone.wait(t)
	}()
	for _, sig := range []string{"KILL", "STOP"} {
		begun := time.Now()
		_, exit := run(t, l, shell(`(setsid sleep 62 &); kill -`+sig+` $PPID; sleep 0.1; (setsid sleep 62 &); exec sleep 0.1`))
		if exit.Status != runtimes.Signalled && exit.Status != runtimes.Completed {
			t.Errorf("%s: %+v", sig, exit)
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("%s: it took %v", sig, took)
		}
		if n := living(t, l, "sleep 62"); n != 0 {
			t.Errorf("%s: %d processes are left", sig, n)
		}
	}
}

// Its keeper is gone before anything it could say of the program's end.
func TestAProgramThatKillsItsKeeperAtOnceHasEnded(t *testing.T) {
	l := openHardened(t)
	lone, p := start(t, l, shell(`exec sleep 600`))
	defer func() {
		p.Stop(runtimes.Cancelled)
		lone.wait(t)
	}()
	for _, then := range []string{"exit 1", "exec sleep 63", "setsid sleep 63 & exit 1", "(setsid sleep 63 &); exec sleep 63"} {
		for i := range 50 {
			begun := time.Now()
			_, exit := run(t, l, shell(`kill -KILL $PPID; `+then))
			// It ends by itself, or is killed as its keeper is missed.
			byItself := exit.Status == runtimes.NonZeroExit && exit.Code != nil && *exit.Code == 1
			killed := exit.Status == runtimes.Signalled && exit.Code == nil && exit.Signal == "SIGKILL"
			if !byItself && !killed || time.Since(begun) > 3*time.Second {
				t.Fatalf("run %d of %q: %+v after %v", i, then, exit, time.Since(begun))
			}
		}
		if n := living(t, l, "sleep 63"); n != 0 {
			t.Errorf("%q left %d processes", then, n)
		}
	}
}

// A keeper that another program kills before it has started its own starts none.
func TestAKeeperKilledBeforeItsProgramRunsStartsNothing(t *testing.T) {
	l := openHardened(t)
	killer, p := start(t, l, shell(`while :; do for p in /proc/[0-9]*; do
		read -r c < $p/comm && [ "$c" = guest ] && [ ${p#/proc/} != 1 ] && [ ${p#/proc/} != $PPID ] && kill -KILL ${p#/proc/}; done; done 2>/dev/null`))
	defer func() {
		p.Stop(runtimes.Cancelled)
		killer.wait(t)
		if n := living(t, l, "sleep 64"); n != 0 {
			t.Errorf("%d processes are left", n)
		}
	}()
	not := 0
	for i := range 50 {
		r, exit := run(t, l, shell(`echo ran; exec sleep 0.064`))
		switch ran := r.text(runtimes.Stdout) == "ran\n"; {
		case exit.Status == runtimes.CouldNotStart && !ran:
			not++
		case exit.Status == runtimes.Completed && ran:
		case exit.Status == runtimes.Signalled && exit.Code == nil && exit.Signal == "SIGKILL":
		default:
			t.Fatalf("run %d: %+v, %q", i, exit, r.text(runtimes.Stdout))
		}
	}
	t.Logf("%d of 50 did not start", not)
}

// Processes that continue whatever is stopped, fork and end, outrun a kill that
// stops them one by one. What is beside them may be killed, but is not lost.
func TestProcessesThatContinueEachOtherEndToo(t *testing.T) {
	l := openHardened(t)
	lone, p := start(t, l, shell(`exec sleep 600`))
	bomb, b := start(t, l, shell(`i=0; while [ $i -lt 40 ]; do i=$((i+1))
		(setsid sh -c 'f() { kill -CONT -1; f & exit; }; f' &); done 2>/dev/null; echo up; exec sleep 62`))
	bomb.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
	begun := time.Now()
	b.Stop(runtimes.TimeLimitExceeded)
	if exit := bomb.wait(t); exit.Status != runtimes.TimeLimitExceeded {
		t.Errorf("%+v after %v", exit, time.Since(begun))
	}
	p.Stop(runtimes.Cancelled)
	if exit := lone.wait(t); exit.Status != runtimes.Cancelled && exit.Signal != "SIGKILL" {
		t.Errorf("beside it: %+v", exit)
	}
	if r, _ := run(t, l, shell(`set -- /proc/[0-9]*; echo $#`)); r.text(runtimes.Stdout) != "3\n" { // the agent, its keeper, sh
		t.Errorf("%q processes are there", r.text(runtimes.Stdout))
	}
}

// Whoever could write to a keeper's reports could make up an exit code.
func TestNoProgramOpensTheReportsOfAKeeper(t *testing.T) {
	l := openHardened(t)
	opener, p := start(t, l, runtimes.Command{Name: probePath(t), Args: []string{"reports"}})
	opener.until(t, runtimes.Stdout, func(s string) bool { return strings.HasPrefix(s, "up\n") })
	for range 100 {
		if _, exit := run(t, l, shell(`exit 7`)); exit.Code == nil || *exit.Code != 7 {
			t.Fatalf("got %+v", exit)
		}
	}
	p.Stop(runtimes.Cancelled)
	opener.wait(t)
	if n := strings.Count(opener.text(runtimes.Stdout), "opened"); n != 0 {
		t.Errorf("it opened %d", n)
	}
}

func TestAProcessWhoseFirstThreadHasEndedEndsToo(t *testing.T) {
	if _, err := exec.LookPath("/usr/bin/python3"); err != nil {
		t.Skip("needs /usr/bin/python3")
	}
	eachWay(t, func(t *testing.T, l *Link) {
		const script = `import ctypes, os, threading, time
if os.fork() == 0:
    os.setsid()
    threading.Thread(target=lambda: [time.sleep(0.01) or open("/tmp/beat-%d" % os.getpid(), "w").close() for _ in range(10**6)]).start()
    ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
time.sleep(0.3)`
		if r, exit := run(t, l, runtimes.Command{Name: "/usr/bin/python3", Args: []string{"-c", script}}); exit.Status != runtimes.Completed {
			t.Fatalf("%+v %s", exit, r.text(runtimes.Stderr))
		}
		r, _ := run(t, l, shell(`ls /proc | grep -c '^[0-9]'; rm -f /tmp/beat-*`))
		// The agent, a keeper, sh, ls, grep; a keeper and two of the execution beside.
		if got := strings.TrimSpace(r.text(runtimes.Stdout)); got != "5" && got != "8" {
			t.Errorf("%s processes are there", got)
		}
	})
}
