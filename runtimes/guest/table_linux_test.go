package guest

import (
	"os"
	"os/exec"
	"testing"
)

// A program that is held may be killed, with its shim, before the shim's word of
// it has been read.
func TestOnlyALivingChildIsAdopted(t *testing.T) {
	table := newTable(&agent{pid: os.Getpid()})
	x := &execution{shim: os.Getpid()}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pid := child.Process.Pid
	if table.adopt(x, 1) {
		t.Error("a process that is no child was adopted")
	}
	if !table.adopt(x, pid) {
		t.Error("the child was not adopted")
	}
	if table.adopt(x, pid) {
		t.Error("it was adopted twice")
	}
	if !table.forget(x, pid) || table.forget(x, pid) {
		t.Error("it is not forgotten once")
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	if table.adopt(x, pid) {
		t.Error("it was adopted after it had been reaped")
	}
}
