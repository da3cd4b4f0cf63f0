package boxed_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

// roomVariable holds the data directory of a server that is to be killed with a
// session on disk.
const roomVariable = "BOXED_TEST_ROOM"

func TestNothingOfASessionOnDiskOutlivesAKilledServerAndItsSweep(t *testing.T) {
	if dir := os.Getenv(roomVariable); dir != "" {
		fillUntilKilled(t, dir)
		return
	}
	boxedtest.NotShort(t)
	dir := boxedtest.DataDir(t)
	server := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	server.Env = append(os.Environ(), roomVariable+"="+dir)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	agentOf(t, bufio.NewScanner(out))
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	server.Wait()
	options := boxedtest.OptionsIn(t, dir)
	r := boxed.New(options, shellFlavor())
	defer r.Close()
	if err := r.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := options.Workspaces.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := func() (left []string) {
		left, _ = filepath.Glob(filepath.Join(dir, "workspaces", "s1*"))
		mounts, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(mounts), dir+"/workspaces/s1") {
			left = append(left, "a mount")
		}
		return append(left, boxedtest.LoopDevices(t, filepath.Join(dir, "workspaces"))...)
	}
	for deadline := time.Now().Add(5 * time.Second); len(left()) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", left())
		}
	}
}

// fillUntilKilled makes a session that has room on disk and writes into each
// place of it.
func fillUntilKilled(t *testing.T, dir string) {
	options := boxedtest.OptionsIn(t, dir)
	r := boxed.New(options, shellFlavor())
	asked := spec()
	asked.Limits.DiskBytes, asked.DiskAsked = 2*asked.Limits.MemoryBytes, true
	e := boxedtest.Create(t, r, asked)
	_, program := boxedtest.Start(t, e, command(
		`for d in /workspace /tmp "$HOME"; do dd if=/dev/zero of=$d/big bs=1M count=20 2>/dev/null; done; echo ready; sleep 765433`))
	waitFor(t, program, "ready")
	if quota, _ := options.Workspaces.Quota(); quota && len(boxedtest.LoopDevices(t, filepath.Join(dir, "workspaces"))) != 1 {
		t.Fatal("the session is not on disk")
	}
	fmt.Println("agent", e.(*boxed.Environment).PID())
	time.Sleep(time.Minute) // until killed
}
