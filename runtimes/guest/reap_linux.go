package guest

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// reap waits for every process that is, or by the death of its parent has
// become, the agent's child. It never returns.
//
// It waits for the signal and not in waitid(2): the Go runtime would look every
// 20 µs whether the thread is back.
func (t *table) reap() {
	born := make(chan os.Signal, 1)
	signal.Notify(born, unix.SIGCHLD)
	for {
		t.reapAll()
		<-born
	}
}

// reapAll reaps what has ended.
func (t *table) reapAll() {
	t.reaping.Lock()
	defer t.reaping.Unlock()
	for {
		child, err := waitChild(unix.WEXITED | unix.WSTOPPED | unix.WNOHANG)
		switch {
		case err != nil || child.pid == 0:
			return
		case child.code == stopped:
			t.goOn(child.pid)
		default:
			if x, status := t.bury(child.pid); x != nil {
				go x.ended(status)
			}
		}
	}
}

// awaitEnd waits for the end of the program by a descriptor of it, which wakes
// fewer threads than the signal does. Whoever sees it first reaps it.
func (x *execution) awaitEnd(pidfd int) {
	_ = unix.SetNonblock(pidfd, true) // for the poller
	file := os.NewFile(uintptr(pidfd), "program")
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	var status unix.WaitStatus
	reaped := false
	err = raw.Read(func(uintptr) (done bool) {
		done, reaped, status = x.agent.table.reapProgram(x)
		return done
	})
	if err == nil && reaped {
		x.ended(status)
	}
}

// reapProgram reaps the program of x if it has ended and that has not been done.
func (t *table) reapProgram(x *execution) (done, reaped bool, status unix.WaitStatus) {
	t.reaping.Lock()
	defer t.reaping.Unlock()
	t.mu.Lock()
	known := t.byPID[x.pid] == x
	t.mu.Unlock()
	if !known {
		return true, false, 0
	}
	buried, status := t.bury(x.pid)
	return buried != nil, buried != nil, status
}

// bury reaps a dead child. It returns the execution of which it was the
// program, with the status; nil when it was of none, or is not dead.
func (t *table) bury(pid int) (*execution, unix.WaitStatus) {
	var status unix.WaitStatus
	var usage unix.Rusage
	t.mu.Lock()
	dead, err := unix.Wait4(pid, &status, unix.WNOHANG, &usage)
	if err != nil || dead != pid {
		t.mu.Unlock()
		return nil, 0
	}
	x := t.byPID[pid]
	delete(t.byPID, pid)
	if x == nil || x == t.lone {
		t.loneUsed += unix.TimevalToNsec(usage.Utime) + unix.TimevalToNsec(usage.Stime)
	}
	t.mu.Unlock()
	if x != nil && x.supervised && x.shim == pid {
		close(x.shimGone)
		return nil, 0
	}
	return x, status
}

// goOn lets a stopped shim continue: no program may hold up the report of its
// own end. Programs stay stopped, for job control.
func (t *table) goOn(pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOHANG, nil) // takes the news away
	if x := t.byPID[pid]; x != nil && x.supervised && x.shim == pid {
		_ = unix.Kill(pid, unix.SIGCONT)
	}
}
