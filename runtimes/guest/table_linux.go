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
	agent *agent

	mu    sync.Mutex
	byID  map[uint32]*execution
	byPID map[int]*execution
	// lone is the execution, at most one, whose tree is everything that is in
	// no other's. Only without control groups.
	lone     *execution
	loneUsed int64 // nanoseconds of what was reaped of it

	reaping sync.Mutex // taken before mu
}

func newTable(a *agent) *table {
	return &table{
		agent: a,
		byID:  make(map[uint32]*execution), byPID: make(map[int]*execution),
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
	if t.lone == x {
		t.lone = nil
	}
}

// claimLone makes x the lone execution if there is none, and if it needs no
// shim for its limits.
func (t *table) claimLone(x *execution) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.agent.ownProc {
		return true // trees cannot be told apart anyway
	}
	if t.lone != nil || t.agent.pid != 1 || x.spec.Limits.Data > 0 || x.spec.Limits.Processes > 0 {
		return false
	}
	t.lone, t.loneUsed = x, 0
	return true
}

// fork runs fork and registers the process it returns as the execution's shim
// or program.
func (t *table) fork(x *execution, fork func() (int, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	pid, err := fork()
	if err != nil {
		return err
	}
	if x.supervised {
		x.shim = pid
	} else {
		x.pid = pid
	}
	t.byPID[pid] = x
	return nil
}

// adopt registers the process that is to become the program of x. False: it is
// not there any more, killed and reaped before it passed its gate.
func (t *table) adopt(x *execution, pid int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, err := readProcess(pid)
	if err != nil || p.parent != x.shim && p.parent != t.agent.pid || t.byPID[pid] != nil {
		return false
	}
	t.byPID[pid] = x
	return true
}

// named tells that it has: from now on the program can be signalled.
func (t *table) named(x *execution, pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x.pid = pid
}

// signalHeld signals what is to become the program of x.
func (t *table) signalHeld(x *execution, pid int, sig unix.Signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byPID[pid] == x {
		_ = unix.Kill(pid, sig)
	}
}

// forget takes out a program of whose end its shim has told, and reports
// whether it was there: the agent may have reaped it before.
func (t *table) forget(x *execution, pid int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byPID[pid] != x {
		return false
	}
	delete(t.byPID, pid)
	return true
}

// signalGroup sends a signal to the process group of the program and reports
// whether there was one to take it.
func (t *table) signalGroup(x *execution, sig unix.Signal) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return x.pid != 0 && t.byPID[x.pid] == x && unix.Kill(-x.pid, sig) == nil
}

// shims are the live shims that supervise. current tells whether x still has
// its own, or is the lone execution.
func (t *table) shims(x *execution) (found map[int]bool, current bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	current = x != nil && (t.lone == x || x.supervised && t.byPID[x.shim] == x)
	return t.shimsLocked(), current
}

func (t *table) shimsLocked() map[int]bool {
	found := make(map[int]bool)
	for pid, x := range t.byPID {
		if x.supervised && x.shim == pid {
			found[pid] = true
		}
	}
	return found
}
