package guest

import (
	"os"

	"golang.org/x/sys/unix"
)

// supervise forks what is to be the program, and reaps the whole tree until
// nothing is left. The end of the program is reported before it is
// reaped: if this shim is killed meanwhile, it is left to the agent to reap.
func (s *shimSpec) supervise(reports *os.File) error {
	catchSignals()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		report(reports, shimFailed, uint64(errnoOf(err)))
		return err
	}
	pid, err := s.forkHeld()
	if err != nil {
		report(reports, shimFailed, uint64(errnoOf(err)))
		return err
	}
	report(reports, shimForked, uint64(pid))
	letGo()
	for {
		dead, err := waitChild(unix.WEXITED)
		if err != nil {
			report(reports, shimUsed, uint64(usedBelow()))
			return nil
		}
		if dead.pid == pid {
			report(reports, shimEnded, uint64(dead.waitStatus()))
		}
		_, _ = unix.Wait4(dead.pid, nil, unix.WNOHANG, nil)
	}
}

// forkHeld forks the child that is held, and leaves the gate to it and the agent.
func (s *shimSpec) forkHeld() (pid int, err error) {
	unix.CloseOnExec(shimGate)
	defer unix.Close(shimGate)
	h, err := newHeld(s)
	if err != nil {
		return 0, err
	}
	return h.fork()
}

// letGo gives up the program's streams, which would otherwise stay open as
// long as the shim.
func letGo() {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	for fd := range 3 {
		_ = unix.Dup3(null, fd, 0)
	}
	unix.Close(null)
}

// usedBelow is the processor time of everything that the shim has reaped, and
// that it has reaped in turn.
func usedBelow() int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &u); err != nil {
		return 0
	}
	return unix.TimevalToNsec(u.Utime) + unix.TimevalToNsec(u.Stime)
}
