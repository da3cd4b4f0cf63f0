package cgroup

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLimitsAreReadBackAsSetRaisedLoweredAndLifted(t *testing.T) {
	g := newGroup(t, Limits{MemoryBytes: 64 << 20, CPUs: 0.5, Processes: 20})
	for _, want := range []Limits{
		{MemoryBytes: 64 << 20, CPUs: 0.5, Processes: 20},
		{MemoryBytes: 256 << 20, CPUs: 2, Processes: 40},
		{MemoryBytes: 32 << 20, CPUs: 1.25, Processes: 5},
		{},
	} {
		if err := g.SetLimits(want); err != nil {
			t.Fatal(err)
		}
		if !g.Controllers().CPU {
			want.CPUs = 0
		}
		if got, err := g.Limits(); err != nil || got != want {
			t.Errorf("set %+v, got %+v, %v", want, got, err)
		}
	}
}

func TestAForkBombThatIgnoresSignalsIsKilled(t *testing.T) {
	g := newGroup(t, Limits{Processes: 512})
	run, err := g.Child("run", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	cmd := startIn(t, run, `trap '' TERM INT HUP; b() { setsid sh -c "trap '' TERM; while :; do (sleep 60 & wait) & sleep 0.01; done" & }; while :; do b; done 2>/dev/null`)
	grown(t, g, 100)
	if err := g.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if left, err := g.Pids(); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestKillOfAnEmptyOrRemovedGroupDoesNothing(t *testing.T) {
	g := newGroup(t, Limits{})
	for range 2 {
		if err := g.Kill(t.Context()); err != nil {
			t.Error(err)
		}
		if err := g.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestSignalReachesEveryProcess(t *testing.T) {
	g := newGroup(t, Limits{})
	cmd := startIn(t, g, `setsid sleep 60 & sleep 60`)
	grown(t, g, 3)
	if n, err := g.Signal(syscall.SIGTERM); n != 3 || err != nil {
		t.Errorf("%d processes, %v", n, err)
	}
	cmd.Wait()
	deadline := time.Now().Add(5 * time.Second)
	for left := []int{0}; len(left) > 0; left, _ = g.Pids() {
		if time.Now().After(deadline) {
			t.Fatalf("left: %v", left)
		}
	}
}

func TestAnOutOfMemoryKillCountsWhereItHappened(t *testing.T) {
	g := newGroup(t, Limits{MemoryBytes: 24 << 20})
	victim, err := g.Child("victim", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	bystander, err := g.Child("bystander", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	startIn(t, victim, `x=$(head -c 64m /dev/zero | tr '\0' x); echo ${#x}`).Wait()
	if n, known := victim.OOMKills(); n == 0 || !known {
		t.Errorf("victim: %d, %v", n, known)
	}
	if n, known := bystander.OOMKills(); n != 0 || !known {
		t.Errorf("bystander: %d, %v", n, known)
	}
}

func TestUsageIsThatOfTheWholeTreeAlsoOfTheDead(t *testing.T) {
	g := newGroup(t, Limits{})
	startIn(t, g, `sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; head -c 8m /dev/zero | sort > /dev/null`).Wait()
	u := g.Usage()
	if u.CPU == nil || *u.CPU < 10*time.Millisecond || u.PeakMemory == nil || *u.PeakMemory < 8<<20 {
		t.Errorf("got %+v", u)
	}
}

func TestTheProcessLimitHolds(t *testing.T) {
	g := newGroup(t, Limits{Processes: 8})
	cmd := startIn(t, g, `for i in 1 2 3 4 5 6 7 8 9 10; do sleep 60 & done 2>/dev/null; wait`)
	cmd.Wait()
	if found, err := g.Pids(); err != nil || len(found) == 0 || len(found) > 8 {
		t.Errorf("%d processes, %v", len(found), err)
	}
}

func TestFrozenProcessesGoOnAfterThaw(t *testing.T) {
	g := newGroup(t, Limits{})
	cmd := startIn(t, g, `while :; do :; done`)
	grown(t, g, 1)
	if err := g.Freeze(); err != nil {
		t.Fatal(err)
	}
	ticks := func() time.Duration { used, _ := g.CPU(); return used }
	deadline := time.Now().Add(5 * time.Second)
	for before := time.Duration(-1); before != ticks(); time.Sleep(20 * time.Millisecond) { // until it rests
		if before = ticks(); time.Now().After(deadline) {
			t.Fatal("it never rests")
		}
	}
	rested := ticks()
	if err := g.Thaw(); err != nil {
		t.Fatal(err)
	}
	for ticks() == rested {
		if time.Now().After(deadline) {
			t.Fatal("it does not go on")
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
}

func TestAProcessWithoutPrivilegesEntersThroughTheTasksFiles(t *testing.T) {
	g := newGroup(t, Limits{})
	if g.Version() != V1 {
		t.Skip("needs version 1")
	}
	files, err := g.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `for fd in 3 4 5 6 7; do [ -e /proc/self/fd/$fd ] && echo 0 >&$fd; done; cat /proc/self/cgroup`)
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	for _, file := range files {
		file.Close()
	}
	if got := strings.Count(string(out), "/codebeaker/test-"); err != nil || got != len(files) {
		t.Errorf("in %d groups of %d: %v\n%s", got, len(files), err, out)
	}
}

func TestAProcessIsBornInAGroupOfVersion2(t *testing.T) {
	g := newGroup(t, Limits{MemoryBytes: 64 << 20, Processes: 20})
	if g.Version() != V2 {
		t.Skip("needs version 2")
	}
	if c := detected(t).Controllers(); !c.Memory || !c.Processes {
		t.Errorf("the controllers are %+v", c)
	}
	files, err := g.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	defer files[0].Close()
	cmd := exec.Command("cat", "/proc/self/cgroup")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(files[0].Fd())}
	out, err := cmd.CombinedOutput()
	if want := strings.TrimPrefix(g.at.core(), detected(t).root.core()) + "\n"; err != nil || !strings.HasSuffix(string(out), want) {
		t.Errorf("it was in %q, not %q: %v", out, want, err)
	}
	t.Logf("%v: %s", detected(t), out)
}

// A group of version 2 cannot have both processes and children with limits.
func TestAGroupWhoseProcessesMultiplyGetsAChildWithLimits(t *testing.T) {
	g := newGroup(t, Limits{})
	cmd := startIn(t, g, `while :; do (sleep 0.01 &); done`)
	grown(t, g, 5)
	child, err := g.Child("limited", Limits{MemoryBytes: 64 << 20, Processes: 20})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := child.Limits(); err != nil || l.MemoryBytes != 64<<20 || l.Processes != 20 {
		t.Errorf("%+v, %v", l, err)
	}
	if err := g.Kill(t.Context()); err != nil {
		t.Error(err)
	}
	cmd.Wait()
}

func TestSweepEndsAndRemovesWhatWasLeft(t *testing.T) {
	h := detected(t)
	g := newGroup(t, Limits{})
	deep, err := g.Child("deep", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	cmd := startIn(t, g, `sleep 60`)
	if err := deep.Add(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	grown(t, g, 1)
	// As a server leaves it that is killed while it kills.
	if err := g.Freeze(); err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(g.at[memory], h.root[memory]+"/")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := h.Sweep(ctx, name); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if _, err := os.Stat(deep.at[pids]); !os.IsNotExist(err) {
		t.Error("a group is left")
	}
	if err := h.Sweep(t.Context(), name); err != nil {
		t.Errorf("nothing to sweep: %v", err)
	}
	for _, bad := range []string{"", "..", "/codebeaker/a", "codebeaker", "codebeaker/", "codebeaker/../docker", "docker/x"} {
		if err := h.Sweep(t.Context(), bad); err == nil {
			t.Errorf("%q is swept", bad)
		}
	}
}

// Memory in sockets is counted apart with version 1: every group below one with
// a memory limit has it as the limit of its sockets, too.
func TestSocketsAreBoundedWithTheMemory(t *testing.T) {
	g := newGroup(t, Limits{MemoryBytes: 64 << 20})
	if g.version != V1 {
		t.Skip("version 2 counts sockets as memory")
	}
	child, err := g.Child("run", Limits{Processes: 10})
	if err != nil {
		t.Fatal(err)
	}
	below, err := child.Child("1", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range []*Group{g, child, below} {
		if n, limited, err := readNumber(group.at[memory], "memory.kmem.tcp.limit_in_bytes"); err != nil || !limited || n != 64<<20 {
			t.Errorf("%s: %d, %v, %v", group.at[memory], n, limited, err)
		}
	}
}

func TestTheGroupOfAContainersFirstProcessIsFound(t *testing.T) {
	h := detected(t)
	g := newGroup(t, Limits{Processes: 7})
	cmd := startIn(t, g, `sleep 60`)
	grown(t, g, 1)
	found, err := h.OpenContainer(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := found.Limits(); err != nil || l.Processes != 7 {
		t.Errorf("got %+v, %v", l, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := h.OpenContainer(os.Getpid()); err == nil {
		t.Error("the server's own group is taken for a container")
	}
}

func BenchmarkMakeAndRemoveTheGroupOfAnExecution(b *testing.B) {
	g := newGroup(b, Limits{})
	for b.Loop() {
		c, err := g.Child("x", Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Remove(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// child makes the group of an execution.
func child(t *testing.T, parent *Group, name string) *Group {
	t.Helper()
	if parent.Version() != V1 {
		t.Skip("groups of version 2 are not renewed")
	}
	g, err := parent.Child(name, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func runIn(t *testing.T, g *Group, script string) {
	t.Helper()
	if err := startIn(t, g, script).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := g.Kill(t.Context()); err != nil { // there is nothing to end
		t.Fatal(err)
	}
}

func TestARenewedGroupHasForgotten(t *testing.T) {
	g := child(t, newGroup(t, Limits{}), "x")
	runIn(t, g, `x=$(head -c 8m /dev/zero | tr '\0' x); i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done`)
	before := g.Usage()
	if *before.PeakMemory < 8<<20 || *before.CPU < 10*time.Millisecond {
		t.Fatalf("it used %v and %d bytes", *before.CPU, *before.PeakMemory)
	}
	if !g.Renew() {
		t.Skip("the kernel keeps something charged to the group")
	}
	if after := g.Usage(); *after.PeakMemory > remnant || *after.CPU > time.Millisecond {
		t.Errorf("it remembers %v and %d bytes", *after.CPU, *after.PeakMemory)
	}
	runIn(t, g, `x=$(head -c 8m /dev/zero | tr '\0' x)`)
	if again := g.Usage(); *again.PeakMemory < 8<<20 || *again.CPU > *before.CPU {
		t.Errorf("then it used %v and %d bytes, before %v", *again.CPU, *again.PeakMemory, *before.CPU)
	}
}

func TestAGroupThatKeepsMemoryOrWasKilledIsNotRenewed(t *testing.T) {
	parent := newGroup(t, Limits{})
	g := child(t, parent, "kept")
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Skipf("needs to mount: %v", err)
	}
	defer unix.Unmount(dir, 0)
	runIn(t, g, fmt.Sprintf("head -c 4m /dev/zero >%s/kept", dir))
	if g.Renew() {
		t.Error("a file is charged to it")
	}
	killed := child(t, parent, "killed")
	cmd := startIn(t, killed, "sleep 60")
	grown(t, killed, 1)
	if err := killed.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if killed.Renew() {
		t.Error("it may have no processes")
	}
}
