//go:build linux

package boxedtest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

// Conformance runs the suite of all runtimes on a boxed one.
func Conformance(t *testing.T, newRuntime func(boxed.Options) runtimes.Runtime) {
	options := Options(t)
	runtimetest.Run(t, runtimetest.Harness{
		New:         func(testing.TB) runtimes.Runtime { return newRuntime(options) },
		KillOutside: killAgent,
		Leftovers:   func(t testing.TB, session string) []string { return leftovers(t, options, session) },
	})
}

// killAgent kills the first process of a box.
func killAgent(t testing.TB, e runtimes.Environment) {
	t.Helper()
	box, ok := e.(*boxed.Environment)
	if !ok {
		t.Fatalf("a %T is no box", e)
	}
	if err := syscall.Kill(box.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// leftovers are directories, mounts and control groups of a session. A process
// of a box would be in one of its groups.
func leftovers(t testing.TB, o boxed.Options, session string) []string {
	t.Helper()
	var left []string
	for _, pattern := range []string{
		filepath.Join(o.DataDir, "workspaces", session+"*"),
		"/sys/fs/cgroup/*/codebeaker/" + o.Mark + "-*/" + session + ".*",
		"/sys/fs/cgroup/codebeaker/" + o.Mark + "-*/" + session + ".*",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "/"+session+"/") {
			left = append(left, line)
		}
	}
	return left
}
