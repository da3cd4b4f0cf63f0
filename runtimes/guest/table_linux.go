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

	// unnamed counts the shims that have not named their program yet, and strays
	// are the ends of processes that were reaped meanwhile and belonged to
	// nobody: a program that kills its shim may end before it is named.
	unnamed int
	strays  map[int]unix.WaitStatus

	reaping sync.Mutex // taken before mu
}

// maxStrays bounds strays: whoever forks more loses an exit code of its own.
const maxStrays = 4096

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
		t.unnamed++
	} else {
		x.pid = pid
	}
	t.byPID[pid] = x
	return nil
}

// adopt registers the program that a shim has started. ended tells that it has
// been reaped already.
func (t *table) adopt(x *execution, pid int) (status unix.WaitStatus, ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x.pid = pid
	if status, ended = t.strays[pid]; !ended {
		t.byPID[pid] = x
	}
	t.namedLocked()
	return status, ended
}

// unstarted tells that a shim will name no program.
func (t *table) unstarted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.namedLocked()
}

func (t *table) namedLocked() {
	if t.unnamed--; t.unnamed == 0 {
		t.strays = nil
	}
}

// strayLocked remembers the end of a process that belongs to nobody so far.
func (t *table) strayLocked(pid int, status unix.WaitStatus) {
	if t.unnamed == 0 || len(t.strays) >= maxStrays {
		return
	}
	if t.strays == nil {
		t.strays = make(map[int]unix.WaitStatus)
	}
	t.strays[pid] = status
}

// forget takes out a program that its shim has reaped.
func (t *table) forget(x *execution) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byPID, x.pid)
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
