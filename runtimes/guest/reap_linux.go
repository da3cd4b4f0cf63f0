package guest

import (
	"os"
	"os/signal"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reap waits for every process that is, or by the death of its parent has
// become, the agent's child. It never returns.
func (t *table) reap() {
	born := make(chan os.Signal, 1)
	signal.Notify(born, unix.SIGCHLD)
	for {
		pid, isStopped, err := nextChild()
		switch {
		case err == unix.ECHILD:
			// Somebody may still be handed to us: what was started in our
			// namespace from outside.
			select {
			case <-t.forked:
			case <-born:
			}
		case err == nil && isStopped:
			t.goOn(pid)
		case err == nil:
			t.bury(pid)
		}
	}
}

// bury reaps a dead child and tells its execution.
func (t *table) bury(pid int) {
	var status unix.WaitStatus
	var usage unix.Rusage
	t.mu.Lock()
	x := t.byPID[pid]
	delete(t.byPID, pid)
	_, err := unix.Wait4(pid, &status, unix.WNOHANG, &usage)
	if x == nil || x == t.lone {
		t.loneUsed += unix.TimevalToNsec(usage.Utime) + unix.TimevalToNsec(usage.Stime)
	}
	t.mu.Unlock()
	switch {
	case x == nil || err != nil:
	case x.supervised && x.shim == pid:
		close(x.shimGone)
	default:
		x.ended(status)
	}
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

// nextChild waits for a child that has ended or stopped and leaves it
// unreaped: its process id stays its own until bury.
func nextChild() (pid int, isStopped bool, err error) {
	// siginfo_t, sigaction(2): si_signo, si_errno, si_code, padding to eight
	// bytes, si_pid.
	var info [128 / 4]int32
	for {
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)),
			unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT, 0, 0)
		if errno == 0 {
			return int(info[4]), info[2] == stopped, nil
		}
		if errno != unix.EINTR {
			return 0, false, errno
		}
	}
}
