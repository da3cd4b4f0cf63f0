package guest

import (
	"os"
	"os/signal"
	"unsafe"

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
		pid, isStopped, err := nextChild()
		switch {
		case err != nil || pid == 0:
			return
		case isStopped:
			t.goOn(pid)
		default:
			if x, status := t.bury(pid); x != nil {
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
	if x == nil {
		t.strayLocked(pid, status)
	}
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

// vanished takes out a program that is no child of the agent, and reports
// whether it was there to be taken out.
func (t *table) vanished(x *execution) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byPID[x.pid] != x {
		return false // it has been reaped, and that has been told
	}
	if err := unix.Waitid(unix.P_PID, x.pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != unix.ECHILD {
		return false
	}
	delete(t.byPID, x.pid)
	return true
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

// stopped is CLD_STOPPED of sigaction(2).
const stopped = 5

// nextChild finds a child that has ended or stopped and leaves it unreaped: its
// process id stays its own until bury. Zero is none.
func nextChild() (pid int, isStopped bool, err error) {
	// siginfo_t, sigaction(2): si_signo, si_errno, si_code, padding to eight
	// bytes, si_pid.
	var info [128 / 4]int32
	for {
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)),
			unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT|unix.WNOHANG, 0, 0)
		if errno == 0 {
			return int(info[4]), info[2] == stopped, nil
		}
		if errno != unix.EINTR {
			return 0, false, errno
		}
	}
}
