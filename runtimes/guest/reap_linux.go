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
		pid, err := nextDead()
		switch {
		case err == unix.ECHILD:
			// Somebody may still be handed to us: what was started in our
			// namespace from outside.
			select {
			case <-t.forked:
			case <-born:
			}
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
	t.mu.Unlock()
	if x != nil && err == nil {
		x.ended(status)
	}
}

// nextDead waits for a dead child and leaves it unreaped: its process id stays
// its own until bury.
func nextDead() (pid int, err error) {
	// siginfo_t, sigaction(2): three ints, padding to eight bytes, si_pid.
	var info [128 / 4]int32
	for {
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOWAIT, 0, 0)
		if errno == 0 {
			return int(info[4]), nil
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}
