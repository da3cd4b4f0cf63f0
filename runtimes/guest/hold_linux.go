package guest

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// held is a program that a child of this process is going to be as soon as the
// agent says so. syscall.ForkExec cannot wait there: it is back when the
// program runs already.
type held struct {
	path, dir  *byte
	argv, envv []*byte
	terminal   uintptr // one: standard input becomes the controlling terminal
	limits     []rlimit
}

// rlimit is one of setrlimit(2).
type rlimit struct {
	resource uintptr
	value    syscall.Rlimit
}

func newHeld(s *shimSpec) (*held, error) {
	var h held
	var err error
	if h.path, err = syscall.BytePtrFromString(s.Path); err != nil {
		return nil, err
	}
	if h.dir, err = syscall.BytePtrFromString(s.Dir); err != nil {
		return nil, err
	}
	if h.argv, err = syscall.SlicePtrFromStrings(s.Args); err != nil {
		return nil, err
	}
	if h.envv, err = syscall.SlicePtrFromStrings(s.Env); err != nil {
		return nil, err
	}
	if s.Terminal {
		h.terminal = 1
	}
	h.limits, err = s.limits()
	return &h, err
}

// What package syscall does around its own forks: signals are blocked, and in
// the child no handler of this process is left. Go keeps these names for whom
// it does not offer another way (go.dev/issue/67401).

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// fork forks the child. There it never returns: no thread but this one exists
// there, so that nothing may be allocated, no stack may grow, and no lock be
// taken. All variables are declared before, and nothing is called but the
// kernel.
//
//go:noinline
//go:norace
func (h *held) fork() (int, error) {
	var (
		pid, n uintptr
		errno  syscall.Errno
		i      int
		// What report writes, by hand.
		message = [9]byte{shimReady}
		argv    = uintptr(unsafe.Pointer(&h.argv[0]))
		envv    = uintptr(unsafe.Pointer(&h.envv[0]))
	)
	syscall.ForkLock.Lock()
	beforeFork()
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid != 0 || errno != 0 {
		afterFork()
		syscall.ForkLock.Unlock()
		if errno != 0 {
			return 0, errno
		}
		return int(pid), nil
	}
	afterForkInChild()
	// Else the end of the reports would wait for this process, and this
	// process for the agent, which waits for the reports.
	syscall.RawSyscall(unix.SYS_CLOSE, shimReports, 0, 0)
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0); errno != 0 {
		goto failed
	}
	if h.terminal != 0 {
		if _, _, errno = syscall.RawSyscall(unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0); errno != 0 {
			goto failed
		}
	}
	if _, _, errno = syscall.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(h.dir)), 0, 0); errno != 0 {
		goto failed
	}
	for i = range h.limits {
		_, _, errno = syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, h.limits[i].resource, uintptr(unsafe.Pointer(&h.limits[i].value)), 0, 0, 0)
		if errno != 0 {
			goto failed
		}
	}
	syscall.RawSyscall(unix.SYS_WRITE, shimGate, uintptr(unsafe.Pointer(&message)), unsafe.Sizeof(message))
	for {
		n, _, errno = syscall.RawSyscall(unix.SYS_READ, shimGate, uintptr(unsafe.Pointer(&message)), 1)
		if n == 1 && errno == 0 {
			break
		}
		if errno != syscall.EINTR { // the agent has no use for it any more
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
		}
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(h.path)), argv, envv)
failed:
	message[0], message[1] = shimFailed, byte(errno) // the others are zero
	syscall.RawSyscall(unix.SYS_WRITE, shimGate, uintptr(unsafe.Pointer(&message)), unsafe.Sizeof(message))
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}
