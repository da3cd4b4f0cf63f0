package cgroup

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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
