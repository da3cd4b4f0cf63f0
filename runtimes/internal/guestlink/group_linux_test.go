package guestlink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

// openInGroup starts an agent in a control group with those limits.
func openInGroup(t testing.TB, limits cgroup.Limits, o Options) *Link {
	t.Helper()
	notShort(t)
	h, err := cgroup.Detect()
	if err != nil {
		t.Skipf("needs control groups: %v", err)
	}
	processes := limits.Processes
	limits.Processes = 0
	g, err := h.Create(fmt.Sprintf("codebeaker/test-link-%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-")), limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(g.Kill(ctx), g.Remove(ctx)); err != nil {
			t.Error(err)
		}
	})
	a := startAgent(t)
	if err := g.Add(a.pid); err != nil {
		t.Fatal(err)
	}
	o.Group, o.Processes = g, processes
	return openOn(t, a, o)
}

func TestUsageOfTheWholeTreeIsTold(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{}, Options{})
	_, exit := run(t, l, shell(`sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done' & wait; head -c 16m /dev/zero | sort >/dev/null`))
	u := exit.Usage
	if u.CPU == nil || *u.CPU < 20*time.Millisecond || u.PeakMemory == nil || *u.PeakMemory < 16<<20 || u.Wall < 20*time.Millisecond {
		t.Errorf("got %+v", u)
	}
	_, exit = run(t, l, shell("exit 0"))
	if u := exit.Usage; u.CPU == nil || *u.CPU > 50*time.Millisecond || u.PeakMemory == nil || *u.PeakMemory > 8<<20 {
		t.Errorf("the next has the usage of the one before: %v, %d", *u.CPU, *u.PeakMemory)
	}
}

func TestPagesOfFilesAreNotWhatProgramsHold(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{}, Options{})
	file := filepath.Join(diskDir(t), "large")
	for _, line := range []string{
		`head -c 96m /dev/zero > "$0"`,
		`cat "$0" > /dev/null`,
		`head -c 96m /dev/zero > "$0.2"; sleep 0.3; rm "$0.2"`,
	} {
		_, exit := run(t, l, runtimes.Command{Name: "sh", Args: []string{"-c", line, file}})
		if peak := exit.Usage.PeakMemory; exit.Status != runtimes.Completed || peak == nil || *peak < 100<<10 || *peak > 24<<20 {
			t.Errorf("%s: %v, peak %v", line, exit.Status, value(peak))
		}
	}
	// What was held before the pages came is not forgotten.
	_, exit := run(t, l, runtimes.Command{Name: "sh", Args: []string{"-c",
		`x=$(head -c 32m /dev/zero | tr '\0' x); sleep 0.3; echo ${#x}; unset x; exec head -c 96m /dev/zero > "$0.3"`, file}})
	if peak := exit.Usage.PeakMemory; exit.Status != runtimes.Completed || peak == nil || *peak < 32<<20 || *peak > 120<<20 {
		t.Errorf("held, then pages: %v, peak %v", exit.Status, value(peak))
	}
}

// diskDir is a directory whose files are not on a tmpfs.
func diskDir(t testing.TB) string {
	t.Helper()
	for _, dir := range []string{t.TempDir(), "/var/tmp"} {
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err != nil || fs.Type == unix.TMPFS_MAGIC {
			continue
		}
		made, err := os.MkdirTemp(dir, "codebeaker-test-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(made) })
		return made
	}
	t.Skip("needs a directory that is not in memory")
	return ""
}

func value[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

const hog = `x=$(head -c 200m /dev/zero | tr '\0' x); echo ${#x}`

func TestALackOfMemoryIsToldFromTheKernelsCounter(t *testing.T) {
	for name, l := range map[string]struct {
		environment int64
		command     int64
	}{"the environment's limit": {32 << 20, 0}, "the command's limit": {256 << 20, 32 << 20}} {
		t.Run(name, func(t *testing.T) {
			link := openInGroup(t, cgroup.Limits{MemoryBytes: l.environment}, Options{})
			cmd := shell(hog)
			cmd.Limits.MemoryBytes = l.command
			if _, exit := run(t, link, cmd); exit.Status != runtimes.MemoryLimitExceeded {
				t.Errorf("got %+v", exit)
			}
			if _, exit := run(t, link, shell("kill -9 $$")); exit.Status != runtimes.Signalled {
				t.Errorf("another SIGKILL: %+v", exit)
			}
			if _, exit := run(t, link, shell("exit 0")); exit.Status != runtimes.Completed {
				t.Errorf("afterwards: %+v", exit)
			}
		})
	}
}

func TestTheProcessorTimeOfTheTreeIsLimited(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{}, Options{})
	cmd := shell(`(while :; do :; done) & while :; do :; done`)
	cmd.Limits.CPU = 300 * time.Millisecond
	_, exit := run(t, l, cmd)
	if exit.Status != runtimes.TimeLimitExceeded || exit.Usage.CPU == nil || *exit.Usage.CPU < cmd.Limits.CPU || *exit.Usage.CPU > cmd.Limits.CPU+800*time.Millisecond {
		t.Errorf("%v after %v", exit.Status, *exit.Usage.CPU)
	}
}

func TestProcessesOfACommandAndOfAllAreLimited(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{Processes: 12}, Options{})
	const many = `i=0; while [ $i -lt 30 ]; do sleep 60 & i=$((i+1)); done; wait`
	cmd := shell(many)
	cmd.Limits.Processes = 4
	r, exit := run(t, l, cmd)
	if exit.Status != runtimes.NonZeroExit || !strings.Contains(r.text(runtimes.Stderr), "fork") {
		t.Errorf("%+v: %s", exit, r.text(runtimes.Stderr))
	}
	r, exit = run(t, l, shell(many))
	if exit.Status != runtimes.NonZeroExit || !strings.Contains(r.text(runtimes.Stderr), "fork") {
		t.Errorf("%+v: %s", exit, r.text(runtimes.Stderr))
	}
	if limits, err := l.Limits(); err != nil || limits.Processes != 12 {
		t.Errorf("read back: %+v, %v", limits, err)
	}
}

func TestACommandMayBeLimitedToOneProcess(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{}, Options{})
	cmd := shell(`sleep 0.1; (echo forked)`)
	cmd.Limits.Processes = 1
	r, exit := run(t, l, cmd)
	if exit.Status != runtimes.NonZeroExit || r.text(runtimes.Stdout) != "" {
		t.Errorf("%+v: %q", exit, r.text(runtimes.Stdout))
	}
}

func TestLimitsChangeWhileTheEnvironmentLives(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{MemoryBytes: 512 << 20, CPUs: 2, Processes: 100}, Options{})
	want := cgroup.Limits{MemoryBytes: 32 << 20, CPUs: 0.5, Processes: 9}
	cmd := shell(`echo up; read line; ` + hog)
	cmd.OpenStdin = true
	r, p := start(t, l, cmd)
	cmd = shell(`sleep 100`)
	cmd.Limits.MemoryBytes = 16 << 20
	_, bounded := start(t, l, cmd)
	r.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
	if err := l.SetLimits(cgroup.Limits{MemoryBytes: want.MemoryBytes, CPUs: want.CPUs}, want.Processes); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Limits(); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, running := range []struct {
		name string
		of   runtimes.Process
		want int64
	}{{"without a limit of its own", p, want.MemoryBytes}, {"with a smaller one", bounded, 16 << 20}} {
		if got, err := running.of.(*process).group.Limits(); err != nil || got.MemoryBytes != running.want {
			t.Errorf("a program %s has %d bytes, %v", running.name, got.MemoryBytes, err)
		}
	}
	bounded.Stop(runtimes.Signalled)
	if _, err := p.Input([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	if exit := r.wait(t); exit.Status != runtimes.MemoryLimitExceeded {
		t.Errorf("a program that ran already: %+v", exit)
	}
	if _, exit := run(t, l, shell(hog)); exit.Status != runtimes.MemoryLimitExceeded {
		t.Errorf("got %+v", exit)
	}
}

// bomb multiplies, leaves its session and ignores what can be ignored.
const bomb = `trap '' TERM INT HUP PIPE
b() { setsid sh -c "trap '' TERM INT HUP PIPE; while :; do (sleep 60 & wait) & sleep 0.01; done" & }
(while :; do b; done) 2>/dev/null &
exec sleep 60`

func TestAForkBombIsGoneBeforeItsExitIsTold(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{Processes: 300}, Options{})
	r, p := start(t, l, shell(bomb))
	waitFor(t, "the bomb to grow", func() bool {
		found, err := l.groups.run.Pids()
		return err == nil && len(found) > 150
	})
	begun := time.Now()
	p.Stop(runtimes.TimeLimitExceeded)
	exit := r.wait(t)
	took := time.Since(begun)
	if exit.Status != runtimes.TimeLimitExceeded || exit.Code != nil || exit.Signal != "SIGKILL" {
		t.Errorf("got %+v", exit)
	}
	if took > 10*time.Second { // it takes 50 ms, and a second where the machine has other work
		t.Errorf("it took %v", took)
	}
	if left, err := l.groups.run.Pids(); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestDoubleForkedChildrenEndWithTheirExecutionOnly(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{}, Options{})
	other, p := start(t, l, shell("setsid sleep 60 & echo up; wait"))
	other.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
	_, exit := run(t, l, shell(`(setsid sh -c 'sleep 61 & sleep 62' &) ; setsid sleep 63 >/dev/null 2>&1 & exit 3`))
	if exit.Status != runtimes.NonZeroExit || *exit.Code != 3 {
		t.Errorf("got %+v", exit)
	}
	if left, err := l.groups.run.Pids(); err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
	p.Stop(runtimes.Cancelled)
	if exit := other.wait(t); exit.Status != runtimes.Cancelled {
		t.Errorf("got %+v", exit)
	}
}

func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) { // polling with a deadline
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for", what)
		}
	}
}

func TestNoProgramStartsAboveTheLimitOfProcesses(t *testing.T) {
	l := openInGroup(t, cgroup.Limits{Processes: 10}, Options{Hello: hardened})
	bomb, p := start(t, l, shell(`i=0; while [ $i -lt 9 ]; do sleep 600 & i=$((i+1)); done; echo up; wait`))
	bomb.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
	if _, exit := run(t, l, shell("exit 0")); exit.Status != runtimes.CouldNotStart || exit.Message != "the limit of processes is reached" {
		t.Errorf("above the limit: %+v", exit)
	}
	p.Stop(runtimes.Cancelled)
	bomb.wait(t)
	if _, exit := run(t, l, shell("exit 0")); exit.Status != runtimes.Completed {
		t.Errorf("afterwards: %+v", exit)
	}
}
