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
	// orphans are how processes ended that were reaped while it was not known
	// of unnamed programs which processes they are.
	orphans map[int]unix.WaitStatus
	unnamed int
	// processors are those on which programs run; see launch.
	processors []byte

	reaping sync.Mutex // taken before mu
}

func newTable(a *agent) *table {
	return &table{
		agent: a,
		byID:  make(map[uint32]*execution), byPID: make(map[int]*execution),
		orphans: make(map[int]unix.WaitStatus),
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

// start starts the program of x and returns a descriptor of it, or -1.
func (t *table) start(x *execution, l *launch) (pidfd int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.processors = t.processors
	pid, pidfd, err := l.start()
	if err == nil {
		x.pid = pid
		t.byPID[pid] = x
		return pidfd, nil
	}
	if pid > 0 {
		_, _ = unix.Wait4(pid, nil, 0, nil) // it has ended
	}
	if pidfd >= 0 {
		unix.Close(pidfd)
	}
	return -1, err
}

// keep starts the keeper of x.
func (t *table) keep(x *execution, l *launch) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.processors = t.processors
	keeper, err := l.startKept()
	if err != nil {
		return err
	}
	x.keeper = keeper
	t.byPID[keeper] = x
	t.unnamed++
	return nil
}

// name tells the process id of a program that has a keeper. Without its keeper
// the agent may have reaped it already, and knows how it ended.
func (t *table) name(x *execution, pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x.pid = pid
	if status, reaped := t.orphans[pid]; reaped {
		go x.ended(&status)
	} else {
		t.byPID[pid] = x
	}
	t.namedLocked()
}

// namedLocked forgets those that were reaped while a program had no name.
func (t *table) namedLocked() {
	if t.unnamed--; t.unnamed == 0 {
		clear(t.orphans)
	}
}

// unnamedEnded gives up waiting for the name of a program.
func (t *table) unnamedEnded() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.namedLocked()
}

// forget takes out a program whose end is known from its keeper, and reports
// whether it was there: the agent may have reaped it before.
func (t *table) forget(x *execution) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x.pid == 0 || t.byPID[x.pid] != x {
		return false
	}
	delete(t.byPID, x.pid)
	return true
}

// signalGroup sends a signal to the process group of the program and reports
// whether there was one to take it.
func (t *table) signalGroup(x *execution, sig unix.Signal) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return x.pid != 0 && t.byPID[x.pid] == x && unix.Kill(-x.pid, sig) == nil
}

// keepers are those that live.
func (t *table) keepers() map[int]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := make(map[int]bool)
	for pid, x := range t.byPID {
		if x.keeper == pid {
			found[pid] = true
		}
	}
	return found
}

// isKept tells whether the keeper of x lives.
func (t *table) isKept(x *execution) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byPID[x.keeper] == x
}

// signalKeeper signals a keeper that lives.
func (t *table) signalKeeper(x *execution, sig unix.Signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byPID[x.keeper] == x {
		_ = unix.Kill(x.keeper, sig)
	}
}

// stopAllWhenAlone stops all processes of the namespace at once when there is
// no other execution: none can fork then, or continue another.
func (t *table) stopAllWhenAlone(x *execution) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.agent.pid == 1 && len(t.byID) == 1 && t.byID[x.id] == x {
		_ = unix.Kill(-1, unix.SIGSTOP)
	}
}
