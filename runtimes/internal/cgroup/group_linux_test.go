package cgroup

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// newGroup makes a group for the test, on a host that lets us.
func newGroup(t *testing.T, l Limits) *Group {
	t.Helper()
	h, err := Detect()
	if err != nil {
		t.Skipf("no control groups for this user: %v", err)
	}
	g, err := h.Create(fmt.Sprintf("codebeaker/test-%d-%s", os.Getpid(), strings.ToLower(t.Name())), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.KillAll(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := g.Remove(ctx); err != nil {
			t.Error(err)
		}
		if g.exists() {
			t.Error("the group is still there")
		}
	})
	return g
}

// run starts a shell that waits for the group before it runs the script.
func run(t *testing.T, g *Group, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", "-c", "read go; "+script)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Add(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(stdin, "go")
	return cmd
}

func TestLimitsAreReadBackAsSet(t *testing.T) {
	want := Limits{MemoryBytes: 64 << 20, CPUs: 0.5, Processes: 20}
	g := newGroup(t, want)
	got, err := g.Limits()
	if err != nil || got != want {
		t.Errorf("limits %+v, %v", got, err)
	}
}

func TestAGroupWithoutLimitsHasNone(t *testing.T) {
	if got, err := newGroup(t, Limits{}).Limits(); err != nil || got != (Limits{}) {
		t.Errorf("limits %+v, %v", got, err)
	}
}

func TestAForkBombThatIgnoresSignalsIsKilled(t *testing.T) {
	g := newGroup(t, Limits{Processes: 64})
	cmd := run(t, g, `trap '' TERM INT HUP; b() { setsid sh -c "trap '' TERM; while :; do sleep 60 & wait; done" & }; while :; do b; done`)
	deadline := time.Now().Add(5 * time.Second)
	for pids := 0; pids < 32 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		found, err := g.Pids()
		if err != nil {
			t.Fatal(err)
		}
		pids = len(found)
	}
	start := time.Now()
	if err := g.KillAll(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
	_ = cmd.Wait()
	if pids, _ := g.Pids(); len(pids) != 0 {
		t.Errorf("%d survive", len(pids))
	}
}

func TestAnOutOfMemoryKillIsCounted(t *testing.T) {
	g := newGroup(t, Limits{MemoryBytes: 16 << 20})
	_ = run(t, g, `x=$(head -c 64m /dev/zero | tr '\0' x); echo ${#x}`).Wait()
	if g.OOMKills() == 0 {
		t.Error("no kill was counted")
	}
}

func TestUsageIsThatOfTheWholeTree(t *testing.T) {
	g := newGroup(t, Limits{})
	_ = run(t, g, `sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'`).Wait()
	u, err := g.Usage()
	if err != nil || u.CPU < 10*time.Millisecond || u.PeakMemory != nil && *u.PeakMemory == 0 {
		t.Errorf("usage %+v, %v", u, err)
	}
}

func TestAThreadEntersThroughTheDoors(t *testing.T) {
	g := newGroup(t, Limits{})
	doors, err := g.Doors()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `for fd in 3 4 5 6 7; do [ -e /proc/self/fd/$fd ] && echo 0 >&$fd; done; cat /proc/self/cgroup`)
	cmd.ExtraFiles = doors
	out, err := cmd.CombinedOutput()
	for _, door := range doors {
		door.Close()
	}
	if err != nil || !strings.Contains(string(out), "codebeaker/test-") {
		t.Errorf("%s %v", out, err)
	}
}

func TestMountinfoOfVersionTwoAndHybridHosts(t *testing.T) {
	v2 := "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
	h, err := parse(strings.NewReader(v2))
	if err != nil || h.Version != 2 || h.mounts[""] != "/sys/fs/cgroup" {
		t.Errorf("version 2: %+v, %v", h, err)
	}
	var hybrid strings.Builder
	for _, c := range []string{"memory", "pids", "cpu,cpuacct", "freezer"} {
		fmt.Fprintf(&hybrid, "31 24 0:27 / /sys/fs/cgroup/%s rw - cgroup cgroup rw,%s\n", c, c)
	}
	h, err = parse(strings.NewReader(hybrid.String() + "40 24 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"))
	if err != nil || h.Version != 1 || h.mounts["cpuacct"] != "/sys/fs/cgroup/cpu,cpuacct" {
		t.Errorf("hybrid: %+v, %v", h, err)
	}
	if _, err := parse(strings.NewReader("31 24 0:27 / /x rw - cgroup cgroup rw,memory\n" + v2)); err == nil {
		t.Error("a host with controllers in both versions is accepted")
	}
}

func TestVersionTwoFiles(t *testing.T) {
	dir := t.TempDir()
	g := &Group{version: 2, dirs: map[string]string{"": dir}}
	for file, text := range map[string]string{
		"memory.max": "67108864\n", "pids.max": "max\n", "cpu.max": "50000 100000\n", "memory.peak": "4096\n",
		"cpu.stat": "usage_usec 1500\nuser_usec 1\n", "memory.events": "low 0\noom_kill 2\n", "cgroup.procs": "12\n13\n",
	} {
		if err := os.WriteFile(dir+"/"+file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if l, err := g.Limits(); err != nil || l != (Limits{MemoryBytes: 64 << 20, CPUs: 0.5}) {
		t.Errorf("limits %+v, %v", l, err)
	}
	if u, err := g.Usage(); err != nil || u.CPU != 1500*time.Microsecond || *u.PeakMemory != 4096 {
		t.Errorf("usage %+v, %v", u, err)
	}
	if n := g.OOMKills(); n != 2 {
		t.Errorf("oom kills %d", n)
	}
	if pids, err := g.Pids(); err != nil || len(pids) != 2 {
		t.Errorf("pids %v, %v", pids, err)
	}
}

func BenchmarkMakeAndRemoveAnExecutionGroup(b *testing.B) {
	h, err := Detect()
	if err != nil {
		b.Skip(err)
	}
	parent, err := h.Create(fmt.Sprintf("codebeaker/bench-%d", os.Getpid()), Limits{})
	if err != nil {
		b.Fatal(err)
	}
	defer parent.removeNow()
	for b.Loop() {
		g, err := parent.Child("x", Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if err := g.Remove(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
