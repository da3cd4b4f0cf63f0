package guest

import (
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// Without control groups the agent itself tells trees apart, by parents: every
// process is below the keeper of its execution, for a keeper is a subreaper.
// What is below none is stray: its keeper was killed.

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
	// After the list: a keeper that still is in the table had its number to
	// itself.
	if !x.agent.table.isKept(x) {
		return all, nil
	}
	return all, x.agent.within(all, func(pid int) (yes, known bool) {
		if pid == x.keeper {
			return false, true
		}
		below := all[pid].parent == x.keeper
		return below, below
	})
}

// strays are the processes that are below no keeper.
func (a *agent) strays(all map[int]process, keepers map[int]bool) []int {
	return a.within(all, func(pid int) (yes, known bool) {
		switch {
		case keepers[pid]:
			return false, true
		case all[pid].parent == a.pid:
			return true, true
		case all[pid].parent == 0: // put into our namespace from outside, or the host's own
			return a.pid == 1, true
		}
		return false, false
	})
}

// killStrays ends what killed keepers have left.
func (a *agent) killStrays() {
	a.killUntilGone(func() []int {
		all := processes()
		return a.strays(all, a.table.keepers())
	})
}

// signalTree signals everything the execution has started.
func (x *execution) signalTree(sig unix.Signal) {
	switch {
	case !x.agent.keeps:
		x.agent.table.signalGroup(x, sig)
	case sig == unix.SIGKILL:
		x.killTree()
	default:
		members := x.members()
		slices.Sort(members) // parents first: one that outlives its child by a moment would exit by itself
		signalAll(members, sig)
	}
}

func signalAll(pids []int, sig unix.Signal) {
	for _, pid := range pids {
		_ = unix.Kill(pid, sig)
	}
}

// killTree ends the tree and waits until nothing of it lives.
func (x *execution) killTree() {
	x.agent.table.stopAllWhenAlone(x)
	x.agent.killUntilGone(func() []int {
		x.agent.table.signalKeeper(x, unix.SIGCONT) // one that is stopped reaps nothing
		return x.members()
	})
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
		more := false
		for _, pid := range pids {
			if !stopped[pid] {
				stopped[pid] = true
				more = unix.Kill(pid, unix.SIGSTOP) == nil || more
			}
		}
		switch {
		case !more: // what is left is on its way out, however long that takes
			signalAll(pids, unix.SIGKILL)
			if time.Since(begun) > patience {
				killTracers(pids)
			}
		case a.pid == 1 && time.Since(begun) > patience:
			_ = unix.Kill(-1, unix.SIGKILL)
		}
	})
}

// killTracers ends whoever traces one of the dead and does not see to its end.
func killTracers(pids []int) {
	for _, pid := range pids {
		if tracer := tracerOf(pid); tracer > 1 {
			_ = unix.Kill(tracer, unix.SIGKILL)
		}
	}
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

// endTree ends what a program has left behind, where no control group does, and
// tells what that was and what the tree used; nil is not known.
func (x *execution) endTree() (used *int64, left []frame.Process) {
	switch {
	case x.agent.groups() != frame.NoGroups:
		return nil, nil
	case !x.agent.keeps:
		_ = unix.Kill(-x.pid, unix.SIGKILL)
		return nil, nil
	}
	if !x.isAlone() {
		left = x.living()
		x.killTree()
	}
	return x.endKeeper(), left
}

// living names the processes of the execution that have not ended.
func (x *execution) living() []frame.Process {
	all, members := x.look()
	slices.Sort(members)
	var found []frame.Process
	for _, pid := range members {
		if p := all[pid]; !p.dead && len(found) < frame.MaxLeft {
			found = append(found, frame.Process{PID: pid, Name: strings.ToValidUTF8(p.name, "\uFFFD")})
		}
	}
	return found
}

// killAll ends everything when the stream has ended. The first process of a
// pid namespace does so by its own end.
func (a *agent) killAll() {
	if a.pid == 1 || !a.keeps {
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

// deadly are the signals by which Go ends a program, or the kernel stops it,
// when nobody has asked for them. The rest do nothing by themselves.
var deadly = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGBUS,
	syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGPIPE, syscall.SIGTERM, syscall.SIGSTKFLT, syscall.SIGSYS,
	syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU,
}

// catchSignals makes the agent survive the signals of programs that run under
// its uid: one that is caught and then dropped does nothing. Ignoring them
// instead would be inherited by programs. Each costs the start of the agent
// some ten microseconds, so that only those that matter are caught.
//
// SIGKILL and SIGSTOP do not reach the first process of a pid namespace from
// inside it; see pid_namespaces(7).
func catchSignals() {
	forgetIgnored()
	caught := make(chan os.Signal, 16) // full: the runtime drops the rest
	signal.Notify(caught, deadly...)
	go func() {
		for range caught {
		}
	}()
}

// sigaction is the kernel's, of amd64 and arm64; see rt_sigaction(2).
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// The dispositions that are no handlers.
const (
	dispositionDefault = 0
	dispositionIgnore  = 1
)

// forgetIgnored gives each signal that the agent was started with ignored its
// default back, for ignored signals are inherited through execve(2). A server
// under make(1) has 32 and 33 ignored (posix_spawn of glibc before 2.38), and
// the runtime cares for neither.
func forgetIgnored() {
	for n := uintptr(1); n <= 64; n++ {
		var now sigaction
		if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, n, 0, uintptr(unsafe.Pointer(&now)), 8, 0, 0); errno != 0 {
			continue
		}
		if now.handler == dispositionIgnore {
			reset := sigaction{handler: dispositionDefault}
			unix.RawSyscall6(unix.SYS_RT_SIGACTION, n, uintptr(unsafe.Pointer(&reset)), 0, 8, 0, 0)
		}
	}
}
