//go:build linux

package boxedtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

// Conformance runs the suite of all runtimes on a boxed one with the first kind
// of control groups that can be had here, or without any. The others, another
// runtime shows: see ConformanceOnEach.
func Conformance(t *testing.T, newRuntime func(boxed.Options) runtimes.Runtime) {
	conformance(t, newRuntime, kindsOfGroups(t)[:1])
}

// ConformanceOnEach runs the suite on a boxed runtime as Conformance does, and
// what has to do with control groups with each other kind of them and without
// any. The run as an ordinary user is the whole suite without any.
func ConformanceOnEach(t *testing.T, newRuntime func(boxed.Options) runtimes.Runtime) {
	conformance(t, newRuntime, kindsOfGroups(t))
}

func conformance(t *testing.T, newRuntime func(boxed.Options) runtimes.Runtime, kinds []*cgroup.Hierarchy) {
	NotShort(t)
	var only []string             // all, with the first kind of groups
	var found []runtimes.Language // the same
	for _, groups := range kinds {
		name := "none"
		if groups != nil {
			name = fmt.Sprintf("v%d", groups.Version())
		}
		t.Run(name, func(t *testing.T) {
			options := Options(t)
			options.Groups = cgroup.Found(groups)
			h := harness(options, newRuntime)
			h.Only, h.FoundIn = only, found
			runtimetest.Run(t, h)
		})
		only, found = runtimetest.InGroups, []runtimes.Language{}
	}
	t.Run("disk", func(t *testing.T) { onDisk(t, newRuntime) })
}

// onDisk runs what has to do with files on sessions whose files are on disk,
// though they are small.
func onDisk(t *testing.T, newRuntime func(boxed.Options) runtimes.Runtime) {
	options := Options(t)
	if quota, _ := options.Workspaces.Quota(); !quota {
		t.Skip("here the files of all sessions are on disk")
	}
	if possible, reason := options.Workspaces.OnDisk(); !possible {
		t.Skip("no session can have files on disk:", reason)
	}
	h := harness(options, newRuntime)
	h.Only = runtimetest.OnDisk
	h.Spec = func(spec *runtimes.Spec) { spec.Limits.DiskBytes, spec.DiskAsked = 160<<20, true }
	runtimetest.Run(t, h)
}

func harness(options boxed.Options, newRuntime func(boxed.Options) runtimes.Runtime) runtimetest.Harness {
	h := runtimetest.Harness{
		New:         func(testing.TB) runtimes.Runtime { return newRuntime(options) },
		KillOutside: killAgent,
		Leftovers:   func(t testing.TB, session string) []string { return leftovers(t, options, session) },
		Lacks:       map[runtimetest.Capability]string{},
	}
	switch groups := options.Groups.Hierarchy(); {
	case os.Geteuid() != 0:
		h.Lacks[runtimetest.RaisedLate] = "the places in memory belong to the user namespace of the box"
	case (groups == nil || !groups.Controllers().Memory) && !mayRaise():
		h.Lacks[runtimetest.RaisedLate] = "root lacks CAP_SYS_RESOURCE"
	}
	if possible, reason := options.Workspaces.OnDisk(); !possible {
		h.Lacks[runtimetest.RoomOnDisk] = reason
	}
	return h
}

// mayRaise reports whether this process may raise a hard resource limit.
func mayRaise() bool {
	var set [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return unix.Capget(&header, &set[0]) == nil && set[0].Effective&(1<<unix.CAP_SYS_RESOURCE) != 0
}

// kindsOfGroups are those of this machine; nil is none at all. Beside version 1,
// version 2 is had where it is mounted too; it limits nothing there.
func kindsOfGroups(t *testing.T) []*cgroup.Hierarchy {
	t.Helper()
	found, err := cgroup.Detect()
	if err != nil {
		t.Logf("there are no control groups: %v", err)
		return []*cgroup.Hierarchy{nil}
	}
	kinds := []*cgroup.Hierarchy{found}
	const unified = "/sys/fs/cgroup/unified"
	var mounted unix.Statfs_t
	if found.Version() == cgroup.V1 && unix.Statfs(unified, &mounted) == nil && mounted.Type == unix.CGROUP2_SUPER_MAGIC {
		kinds = append(kinds, cgroup.At(unified))
	}
	t.Logf("there are control groups of %v", kinds)
	return append(kinds, nil)
}

// killAgent kills the first process of a box.
func killAgent(t testing.TB, e runtimes.Environment) {
	t.Helper()
	box, ok := e.(*boxed.Environment)
	if !ok {
		t.Fatalf("a %T is not a box", e)
	}
	if err := syscall.Kill(box.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// leftovers are directories, mounts and control groups of a session. A process
// of a box would be in one of its groups.
func leftovers(t testing.TB, o boxed.Options, session string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(o.DataDir, "workspaces", session+"*"))
	if err != nil {
		t.Fatal(err)
	}
	left = append(left, Groups(t, o, session)...)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "/"+session+"/") || strings.Contains(line, "/"+session+" ") {
			left = append(left, line)
		}
	}
	return left
}

// LoopDevices lists those whose files lie below a directory.
func LoopDevices(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(text), dir+"/") {
			found = append(found, strings.TrimSpace(string(text)))
		}
	}
	return found
}

// Groups are the directories of a session's control groups.
func Groups(t testing.TB, o boxed.Options, session string) []string {
	t.Helper()
	groups := o.Groups.Hierarchy()
	if groups == nil {
		return nil
	}
	found, err := groups.Glob("codebeaker/" + o.Mark + "-*/" + session + ".*")
	if err != nil {
		t.Fatal(err)
	}
	return found
}
