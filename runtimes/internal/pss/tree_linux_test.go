package pss

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
)

func TestMemoryCountsAProcessAndWhatIsBelowIt(t *testing.T) {
	ctx := context.Background()
	alone, err := Tree(ctx, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("/bin/cat")
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	below, err := Of(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	both, err := Tree(ctx, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	children, err := procfs.Children(os.Getpid())
	if err != nil || len(children) != 1 || children[0] != child.Process.Pid {
		t.Errorf("children: %v, %v", children, err)
	}
	if alone < 1<<20 || below <= 0 || both < below {
		t.Errorf("alone %d, child %d, both %d", alone, below, both)
	}
	input.Close()
	child.Wait()
	if _, err := Tree(ctx, child.Process.Pid); !gone(err) {
		t.Errorf("the memory of a process that is gone: %v", err)
	}
}
