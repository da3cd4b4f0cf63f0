package cgroup

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func detected(t testing.TB) *Hierarchy {
	t.Helper()
	if testing.Short() {
		t.Skip("control groups need root")
	}
	h, err := Detect()
	if err != nil {
		t.Skipf("needs control groups: %v", err)
	}
	return h
}

// newGroup makes a group that is ended and removed after the test.
func newGroup(t testing.TB, l Limits) *Group {
	t.Helper()
	g, err := detected(t).Create(fmt.Sprintf("codebeaker/test-%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-")), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { discard(t, g) })
	return g
}

func discard(t testing.TB, g *Group) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := g.Kill(ctx); err != nil {
		t.Error(err)
	}
	if err := g.Remove(ctx); err != nil {
		t.Error(err)
	}
	for _, dir := range g.at.distinct() {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is still there", dir)
		}
	}
}

// startIn starts a shell that runs the script once it is in the group.
func startIn(t testing.TB, g *Group, script string) *exec.Cmd {
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
	stdin.Close()
	return cmd
}

// grown waits until the group has so many processes.
func grown(t testing.TB, g *Group, n int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		found, err := g.Pids()
		if err != nil {
			t.Fatal(err)
		}
		if len(found) >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d of %d processes", len(found), n)
		}
		time.Sleep(time.Millisecond) // polling with a deadline
	}
}
