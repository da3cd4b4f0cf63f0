package guest

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// child is what waitid(2) tells of a child that has ended or stopped.
type child struct {
	pid    int
	code   int32 // si_code
	status int32 // si_status: an exit code or a signal
}

// Values of si_code, sigaction(2).
const (
	exited  = 1 // CLD_EXITED
	dumped  = 3 // CLD_DUMPED
	stopped = 5 // CLD_STOPPED
)

// waitChild waits for a child and leaves it unreaped: its process id stays its
// own until then. A zero pid is none, with WNOHANG.
func waitChild(options uintptr) (child, error) {
	// siginfo_t, sigaction(2): si_signo, si_errno, si_code, padding to eight
	// bytes, si_pid, si_uid, si_status.
	var info [128 / 4]int32
	for {
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)),
			options|unix.WNOWAIT, 0, 0)
		if errno == 0 {
			return child{pid: int(info[4]), code: info[2], status: info[6]}, nil
		}
		if errno != unix.EINTR {
			return child{}, errno
		}
	}
}

// waitStatus is that of wait(2), of a child that has ended.
func (c child) waitStatus() unix.WaitStatus {
	switch c.code {
	case exited:
		return unix.WaitStatus(c.status&0xff) << 8
	case dumped:
		return unix.WaitStatus(c.status) | 0x80
	}
	return unix.WaitStatus(c.status)
}
