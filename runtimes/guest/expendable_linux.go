package guest

import (
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// expendables lets the kernel take programs before the agent when memory runs
// out. A program could do the same to itself; that it may undo it costs only
// itself.
//
// It is as much work for the kernel as a fork, so programs that end within
// youth are spared it.
type expendables struct {
	table *table

	mu    sync.Mutex
	young []*execution
}

// youth is the age at which a program is made expendable, at most.
const youth = 2 * time.Millisecond

// add takes in a program that has just been started.
func (e *expendables) add(x *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.young = append(e.young, x)
	if len(e.young) == 1 {
		time.AfterFunc(youth, e.mark)
	}
}

// mark makes those expendable that still run.
func (e *expendables) mark() {
	e.mu.Lock()
	young := e.young
	e.young = nil
	e.mu.Unlock()
	for _, x := range young {
		e.table.makeExpendable(x)
	}
}

// makeExpendable writes under the lock: so long the process id is the
// program's.
func (t *table) makeExpendable(x *execution) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byPID[x.pid] != x {
		return
	}
	// Not by package os, which would ask epoll about it.
	fd, err := unix.Open("/proc/"+strconv.Itoa(x.pid)+"/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, _ = unix.Write(fd, []byte("1000"))
		unix.Close(fd)
	}
}
