package cgroup

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Where the machine has version 1, version 2 with controllers is tested on files
// only.

func TestVersion2ReadsAndWritesItsFiles(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"memory.max": "max\n", "memory.swap.max": "max\n", "pids.max": "max\n", "cpu.max": "max 100000\n", "memory.peak": "4096\n",
		"cpu.stat": "usage_usec 1500\nuser_usec 1000\n", "memory.events": "low 0\noom 9\noom_kill 2\n",
		"cgroup.procs": "12\n0\n34\n", "cgroup.freeze": "0\n", "cgroup.kill": "",
	}
	writeFiles(t, dir, files)
	g := &Group{version: V2, at: place{dir, dir, dir, dir, dir}}
	if l, err := g.Limits(); err != nil || l != (Limits{}) {
		t.Errorf("limits %+v, %v", l, err)
	}
	u := g.Usage()
	if u.CPU == nil || *u.CPU != 1500*time.Microsecond || u.PeakMemory == nil || *u.PeakMemory != 4096 {
		t.Errorf("usage %+v", u)
	}
	if n, known := g.OOMKills(); n != 2 || !known {
		t.Errorf("oom kills %d, %v", n, known)
	}
	if found, err := g.Pids(); err != nil || len(found) != 2 || found[1] != 34 {
		t.Errorf("pids %v, %v", found, err)
	}
	if err := g.killOnce(nil); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"cgroup.kill": "1"} {
		expectFile(t, dir, name, want)
	}
}

func TestVersion2LimitsAreWritten(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"memory.max": "", "memory.swap.max": "", "pids.max": "", "cpu.max": ""})
	g := &Group{version: V2, at: place{dir, dir, dir, dir, dir}}
	if err := g.SetLimits(Limits{MemoryBytes: 1 << 20, CPUs: 0.25, Processes: 3}); err != nil {
		t.Fatal(err)
	}
	expectFile(t, dir, "memory.max", "1048576")
	expectFile(t, dir, "memory.swap.max", "0")
	expectFile(t, dir, "pids.max", "3")
	expectFile(t, dir, "cpu.max", "25000 100000")
}

func expectFile(t *testing.T, dir, name, want string) {
	t.Helper()
	if got, err := read(dir, name); got != want || err != nil {
		t.Errorf("%s is %q, %v; want %q", name, got, err, want)
	}
}

func TestWhatAGroupHasNoControllerForIsNeitherLimitedNorRead(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"pids.max": "", "cpu.stat": "usage_usec 1500\n", "cgroup.procs": "12\n", "cgroup.events": "populated 1\nfrozen 0\n",
	})
	g := &Group{version: V2, at: placeV2(dir, Controllers{Processes: true})}
	if err := g.SetLimits(Limits{MemoryBytes: 1 << 20, CPUs: 0.25, Processes: 3}); err != nil {
		t.Fatal(err)
	}
	if l, err := g.Limits(); err != nil || l != (Limits{Processes: 3}) {
		t.Errorf("limits %+v, %v", l, err)
	}
	if c := g.Controllers(); c != (Controllers{Processes: true}) {
		t.Errorf("controllers %+v", c)
	}
	if u := g.Usage(); u.CPU == nil || *u.CPU != 1500*time.Microsecond || u.PeakMemory != nil {
		t.Errorf("usage %+v", u)
	}
	if n, known := g.OOMKills(); known {
		t.Errorf("%d kills for want of memory", n)
	}
	if found, err := g.Pids(); err != nil || len(found) != 1 || g.Empty() {
		t.Errorf("pids %v, %v, empty %v", found, err, g.Empty())
	}
	writeFiles(t, dir, map[string]string{"cgroup.events": "populated 0\nfrozen 0\n"})
	if g.Close(); !g.Empty() {
		t.Error("it is not empty")
	}
	for _, name := range []string{"memory.max", "cpu.max"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVersion2MovesTheProcessesOfAnInnerGroupToItsLeaf(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"cgroup.subtree_control": "", "cgroup.procs": "77\n"})
	g := &Group{version: V2, at: place{dir, dir, dir, dir, dir}}
	// In a real hierarchy the file comes with its directory.
	writeFiles(t, filepath.Join(dir, leafName), map[string]string{"cgroup.procs": ""})
	child, err := g.Child("run", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	expectFile(t, dir, "cgroup.subtree_control", "+memory +pids +cpu")
	expectFile(t, filepath.Join(dir, leafName), "cgroup.procs", "77")
	if got := g.processes()[memory]; got != filepath.Join(dir, leafName) {
		t.Errorf("its processes are in %s", got)
	}
	if got := child.processes()[memory]; got != filepath.Join(dir, "run") {
		t.Errorf("the child's processes are in %s", got)
	}
}

const hybrid = `
31 24 0:27 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
32 24 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
33 24 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 24 0:30 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
40 24 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`

func TestTheGroupsOfAProcessAreFoundInEachHierarchy(t *testing.T) {
	h := &Hierarchy{version: V1, mounts: mountsOf(t, hybrid)}
	g, err := h.containerAt("5:memory:/docker/x\n4:pids:/docker/x\n3:cpu,cpuacct:/docker/x\n2:freezer:/docker/x\n0::/docker/x\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := g.at[cpuacct]; got != "/sys/fs/cgroup/cpu,cpuacct/docker/x" {
		t.Errorf("cpuacct is %s", got)
	}
	for _, bad := range []string{
		"5:memory:/\n4:pids:/\n3:cpu,cpuacct:/\n2:freezer:/\n", "5:memory:/docker/x\n", "",
		"5:memory:/../x\n4:pids:/../x\n3:cpu,cpuacct:/../x\n2:freezer:/../x\n",
	} {
		if _, err := h.containerAt(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func FuzzMountinfo(f *testing.F) {
	f.Add(hybrid)
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range mountsOf(t, text) {
			if m.version != V1 && m.version != V2 {
				t.Errorf("%+v", m)
			}
		}
	})
}
