package boxed_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

// killAgent kills the first process of the environment's box from outside.
func killAgent(t *testing.T, e runtimes.Environment) {
	t.Helper()
	box, ok := e.(*boxed.Environment)
	if !ok {
		t.Fatalf("a %T is not a box", e)
	}
	if err := syscall.Kill(box.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// command is a shell line.
func command(line string) runtimes.Command {
	return runtimes.Command{Name: "/bin/sh", Args: []string{"-c", line}}
}

// waitFor waits until a program has written text to its standard output.
func waitFor(t *testing.T, program *boxedtest.Recorder, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(program.Stdout(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %q after 20 s: %q", text, program.Stdout())
		}
	}
}

func TestAsAnOrdinaryUser(t *testing.T) { boxedtest.AsOrdinaryUser(t, "^Test") }

func TestCloseLeavesNothing(t *testing.T) {
	options := boxedtest.Options(t)
	r := boxed.New(options, shellFlavor())
	defer r.Close()
	e := boxedtest.Create(t, r, spec())
	boxedtest.Shell(t, e, "setsid sleep 876543 & echo started")
	pid := e.(*boxed.Environment).PID()
	for range 2 { // idempotent
		if err := e.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := e.Workspace().Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the agent is there")
	}
	if left := hostProcesses(t, "sleep\x00876543"); len(left) != 0 {
		t.Errorf("processes %v survive", left)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), filepath.Join(options.DataDir, "workspaces", "s1")) {
		t.Errorf("mounts are left: %s, %v", mounts, err)
	}
	if left := boxedtest.Groups(t, options, "s1"); len(left) != 0 {
		t.Errorf("control groups are left: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(options.DataDir, "workspaces", "s1*")); len(left) != 0 {
		t.Errorf("directories are left: %v", left)
	}
}

func TestOneSessionSeesNothingOfAnother(t *testing.T) {
	r := newShell(t)
	first, second := spec(), spec()
	second.Name = "s2"
	a, b := boxedtest.Create(t, r, first), boxedtest.Create(t, r, second)
	boxedtest.Shell(t, a, "echo secret > file; echo secret > /tmp/file; echo secret > ~/file; echo secret > /dev/shm/file")
	path := fmt.Sprint(a.Workspace().(interface{ Path() string }).Path())
	got := boxedtest.Shell(t, b, "cat file /tmp/file ~/file /dev/shm/file "+path+"/file 2>/dev/null; ls -A . /tmp ~ /dev/shm; id -u")
	if strings.Contains(got.Stdout, "secret") || strings.Contains(got.Stdout, "file") {
		t.Errorf("got %q", got.Stdout)
	}
	if isRoot() && boxedtest.Run(t, a, "id", "-u").Stdout == boxedtest.Run(t, b, "id", "-u").Stdout {
		t.Error("two sessions share a uid")
	}
}

func TestTheAgentIsBornInItsGroupAndSeesNoNameOfIt(t *testing.T) {
	options := boxedtest.Options(t)
	if options.Groups.Hierarchy() == nil {
		t.Skip("there are no control groups")
	}
	r := boxed.New(options, shellFlavor())
	defer r.Close()
	e := boxedtest.Create(t, r, spec())
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", e.(*boxed.Environment).PID()))
	if err != nil || !strings.Contains(string(groups), options.Mark) {
		t.Errorf("the agent is in %s, %v", groups, err)
	}
	if own, err := os.ReadFile("/proc/self/cgroup"); err != nil || strings.Contains(string(own), options.Mark) {
		t.Errorf("the server is in %s, %v", own, err)
	}
	if got := boxedtest.Shell(t, e, "cat /proc/self/cgroup"); strings.Contains(got.Stdout, options.Mark) {
		t.Errorf("a program sees %s", got.Stdout)
	}
}
