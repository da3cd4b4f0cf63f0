package guest

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A program that has killed its keeper may have been reaped before its name is
// read.
func TestAProgramThatWasReapedBeforeItHadANameHasEnded(t *testing.T) {
	table := newTable(&agent{pid: 1})
	x := &execution{failed: true, running: make(chan struct{})}
	close(x.running)
	table.unnamed = 2
	table.orphans[7] = unix.WaitStatus(3 << 8)
	table.name(x, 7)
	if table.byPID[7] != nil {
		t.Error("a process that is no more has a name")
	}
	table.name(x, 8)
	if table.byPID[8] != x || !table.forget(x) || table.forget(x) {
		t.Error("a living program is not known once")
	}
	if len(table.orphans) != 0 {
		t.Error("orphans are kept although every program has a name")
	}
}
