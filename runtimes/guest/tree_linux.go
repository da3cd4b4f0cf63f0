package guest

import (
	"time"

	"golang.org/x/sys/unix"
)

// Without control groups the agent itself tells trees apart, by parents: every
// process is below the shim of its execution, for a shim is a subreaper; what
// is below no shim belongs to the lone execution, whose orphans become the
// agent's own children.

// within returns the processes for which the first that has a say says yes:
// the process itself, its parent, and so on up to the agent. The dead that
// nobody has reaped are among them: a process whose first thread has ended
// looks like one and lives on.
func (a *agent) within(all map[int]process, belongs func(pid int) (yes, known bool)) []int {
	var found []int
	for pid := range all {
		if pid == a.pid {
			continue
		}
		for at, steps := pid, 0; at > 0 && at != a.pid && steps <= len(all); steps++ {
			if yes, known := belongs(at); known {
				if yes {
					found = append(found, pid)
				}
				break
			}
			at = all[at].parent
		}
	}
	return found
}

// members are the processes of the execution.
func (x *execution) members() []int {
	_, members := x.look()
	return members
}

// look reads all processes and finds those of the execution.
func (x *execution) look() (all map[int]process, members []int) {
	all = processes()
	// After the list: a shim in the list is in the table by now, and one that
	// still is in the table had its number to itself. The lone execution may
	// have ended and be followed by another.
	shims, current := x.agent.table.shims(x)
	switch {
	case !current:
	case !x.supervised:
		members = x.agent.strays(all, shims, 0)
	default:
		members = x.agent.within(all, func(pid int) (yes, known bool) {
			if pid == x.shim {
				return false, true
			}
			below := all[pid].parent == x.shim
			return below, below
		})
	}
	return all, members
}

// strays are the processes that are below no shim, without those that are, or are below, the process spared.
func (a *agent) strays(all map[int]process, shims map[int]bool, spared int) []int {
	return a.within(all, func(pid int) (yes, known bool) {
		switch {
		case shims[pid] || spared != 0 && pid == spared:
			return false, true
		case all[pid].parent == a.pid:
			return true, true
		case all[pid].parent == 0: // put into our namespace from outside, or the host's own
			return a.pid == 1, true
		}
		return false, false
	})
}

// signalTree signals everything the execution has started.
func (x *execution) signalTree(sig unix.Signal) {
	switch {
	case !x.agent.ownProc:
		x.agent.table.signalGroup(x, sig)
	case sig == unix.SIGKILL:
		x.killTree()
	default:
		signalAll(x.members(), sig)
	}
}

func signalAll(pids []int, sig unix.Signal) {
	for _, pid := range pids {
		_ = unix.Kill(pid, sig)
	}
}

// killTree ends the tree and waits until nothing of it lives.
func (x *execution) killTree() {
	if x.killAtOnce() {
		return
	}
	x.agent.killUntilGone(func() []int {
		if x.supervised { // one that is stopped reaps nothing
			x.agent.table.signalShim(x, unix.SIGCONT)
		}
		return x.members()
	})
}

// killAtOnce ends the lone execution when there is no other: kill(2) of -1
// reaches all processes of the namespace but the agent, and none can fork
// meanwhile.
func (x *execution) killAtOnce() bool {
	t := x.agent.table
	t.mu.Lock()
	alone := t.lone == x && len(t.shimsLocked()) == 0
	var err error
	if alone {
		err = unix.Kill(-1, unix.SIGKILL)
	}
	t.mu.Unlock()
	if alone && err != unix.ESRCH {
		untilGone(x.members, func(pids []int) { signalAll(pids, unix.SIGKILL) })
	}
	return alone
}

// patience is how long killUntilGone spares the other executions.
const patience = 300 * time.Millisecond

// killUntilGone first stops the processes, until a look at them finds none
// that was not stopped before, so that none can fork; then it kills them. Those
// that continue each other meanwhile can outrun that. Then all that the
// namespace has but the agent is killed at once: kill(2) of -1 leaves none out,
// and nothing forks with a signal pending. The other executions are told as
// killed, which any program of theirs could have done; otherwise all would lose
// their environment.
func (a *agent) killUntilGone(members func() []int) {
	stopped := make(map[int]bool)
	begun := time.Now()
	untilGone(members, func(pids []int) {
		if a.pid == 1 && time.Since(begun) > patience {
			_ = unix.Kill(-1, unix.SIGKILL)
			return
		}
		more := false
		for _, pid := range pids {
			if !stopped[pid] {
				stopped[pid] = true
				more = unix.Kill(pid, unix.SIGSTOP) == nil || more
			}
		}
		if !more {
			signalAll(pids, unix.SIGKILL)
		}
	})
}

// untilGone looks at the members and acts on them until there are none.
func untilGone(members func() []int, act func([]int)) {
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 5*time.Millisecond) {
		pids := members()
		if len(pids) == 0 {
			return
		}
		act(pids)
		time.Sleep(pause)
	}
}

// shimGrace is how long a shim may take to end once its tree is gone.
const shimGrace = time.Second

// endTree ends what a program has left behind, where no control group does,
// and returns what the tree used; nil is not known.
func (x *execution) endTree() *int64 {
	a := x.agent
	switch {
	case a.groups() != noGroups:
		return nil
	case !a.ownProc:
		_ = unix.Kill(-x.pid, unix.SIGKILL)
		return nil
	}
	if x.supervised && x.isAlone() {
		return x.endShim()
	}
	x.killTree()
	if !x.supervised {
		a.table.mu.Lock()
		defer a.table.mu.Unlock()
		used := a.table.loneUsed
		return &used
	}
	return x.endShim()
}

// aloneAfter is how long a shim gets to tell that there was nothing below it
// but the program, which spares a look at all processes.
const aloneAfter = time.Millisecond

// isAlone reports whether the shim has ended by itself: what it had to look
// after is gone.
func (x *execution) isAlone() bool {
	select {
	case <-x.followed:
	case <-time.After(aloneAfter):
		return false
	}
	return x.used.Load() != nil
}

// endShim waits for the shim and its last report. One that a program of its
// uid has stopped or killed cannot make the execution last, nor save what was
// below it.
func (x *execution) endShim() *int64 {
	select {
	case <-x.shimGone:
	case <-time.After(shimGrace):
		x.agent.table.signalShim(x, unix.SIGKILL)
		<-x.shimGone
	}
	<-x.followed
	if used := x.used.Load(); used != nil {
		return used
	}
	x.agent.killStrays()
	return nil
}

// signalShim signals a shim that has not been reaped.
func (t *table) signalShim(x *execution, sig unix.Signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byPID[x.shim] == x {
		_ = unix.Kill(x.shim, sig)
	}
}

// killStrays ends what a killed shim has left. What the lone execution has
// left may be among it; its program and what is below that is not.
func (a *agent) killStrays() {
	a.killUntilGone(func() []int {
		all := processes()
		shims, _ := a.table.shims(nil)
		a.table.mu.Lock()
		spared := 0
		if a.table.lone != nil {
			spared = a.table.lone.pid
		}
		a.table.mu.Unlock()
		return a.strays(all, shims, spared)
	})
}

// killAll ends everything when the stream has ended. The first process of a
// pid namespace does so by its own end.
func (a *agent) killAll() {
	if a.pid == 1 || !a.ownProc {
		return
	}
	a.killUntilGone(func() []int {
		all := processes()
		return a.within(all, func(pid int) (yes, known bool) {
			own := all[pid].parent == a.pid
			return own, own
		})
	})
}
