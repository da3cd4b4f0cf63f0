package guest

import (
	"sync"

	"golang.org/x/sys/unix"
)

// table knows the executions, and which process belongs to which.
//
// mu is held while a program is forked and while one is reaped, so that a
// process is in the table before its end is seen, and no signal is sent to a
// process id that may already be another's.
type table struct {
	mu    sync.Mutex
	byID  map[uint32]*execution
	byPID map[int]*execution
	// forked tells a reaper without children that there may be one.
	forked chan struct{}
}

func newTable() *table {
	return &table{
		byID: make(map[uint32]*execution), byPID: make(map[int]*execution), forked: make(chan struct{}, 1),
	}
}

func (t *table) find(id uint32) *execution {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

// add registers an execution; false when its number is taken.
func (t *table) add(x *execution) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[x.id] != nil {
		return false
	}
	t.byID[x.id] = x
	return true
}

func (t *table) remove(x *execution) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, x.id)
}

// fork runs fork and registers the process it returns as the execution's.
func (t *table) fork(x *execution, fork func() (int, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	pid, err := fork()
	if err != nil {
		return err
	}
	x.pid = pid
	t.byPID[pid] = x
	select {
	case t.forked <- struct{}{}:
	default:
	}
	return nil
}

// signalGroup sends a signal to the process group of the program and reports
// whether there was one to take it.
func (t *table) signalGroup(x *execution, sig unix.Signal) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return x.pid != 0 && t.byPID[x.pid] == x && unix.Kill(-x.pid, sig) == nil
}
