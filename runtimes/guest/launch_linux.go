package guest

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launch is a program that is about to be started: everything that its process
// needs between fork and exec, for there it may neither allocate nor take a
// lock. One process does it all: package syscall could neither put it under a
// system call filter nor limit it nor move it into control groups.
type launch struct {
	path, dir  *byte
	argv, envv []*byte
	streams    []int  // its descriptors from 0 on; none of the fourth and later is below firstFree
	terminal   bool   // standard input becomes the controlling terminal
	processors []byte // on which to run, as sched_setaffinity(2) takes it; empty is as the agent
	limits     []rlimit
	// tasks are the files of control groups of version 1 by which the process
	// moves itself; directory is the group of version 2 in which it is born, -1
	// for none.
	tasks     []int
	directory int
	filter    *unix.SockFprog // to live under; nil is none
	score     int             // the agent's oom_score_adj; -1 is none
	ownScore  []byte          // what the agent has there
	reports   int             // where a keeper reports to; -1 without one
	stack     []byte          // the keeper's

	// What became of it, written by the process itself.
	failedAt launchStep
	errno    syscall.Errno
	pidfd    int32
}

// rlimit is one of setrlimit(2).
type rlimit struct {
	resource uintptr
	value    syscall.Rlimit
}

// launchStep is where a launch may fail.
type launchStep uint8

const (
	atFork launchStep = iota
	atGroup
	atStreams
	atTerminal
	atDirectory
	atLimits
	atFilter
	atExec
)

var launchSteps = [...]string{
	"be forked", "enter its control group", "get its streams", "get its terminal", "enter its directory",
	"be limited", "be put under the system call filter", "be executed",
}

// launchError says which step failed and why.
type launchError struct {
	step  launchStep
	errno syscall.Errno
}

func (e *launchError) Error() string {
	return fmt.Sprintf("it could not %s: %v", launchSteps[e.step], e.errno)
}

// Unwrap gives an error of the kernel's that has words of its own.
func (e *launchError) Unwrap() error {
	if e.step == atExec || e.step == atFork {
		return e.errno
	}
	return nil
}

// newLaunch prepares a program without streams.
func newLaunch(path, dir string, args, env []string) (*launch, error) {
	l := &launch{directory: -1, reports: -1, score: -1, pidfd: -1}
	var err error
	for to, text := range map[**byte]string{&l.path: path, &l.dir: dir} {
		if *to, err = syscall.BytePtrFromString(text); err != nil {
			return nil, err
		}
	}
	if l.argv, err = syscall.SlicePtrFromStrings(args); err != nil {
		return nil, err
	}
	l.envv, err = syscall.SlicePtrFromStrings(env)
	return l, err
}

// What package syscall does around its own forks: signals are blocked. Go keeps
// these names for whom it does not offer another way (go.dev/issue/67401).

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

// vfork is a raw clone(2) or clone3(2) with CLONE_VM and CLONE_VFORK. It comes
// back twice on one stack, so that its return address must not lie there.
func vfork(trap, a1, a2, a3 uintptr) (pid uintptr, errno syscall.Errno)

const vforkFlags = unix.CLONE_VM | unix.CLONE_VFORK

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// start forks the process and returns when it has become the program, with a
// descriptor of it (-1 where the kernel gives none). What cannot be started is
// left to be reaped.
//
//go:noinline
//go:norace
func (l *launch) start() (pid, pidfd int, err error) {
	var (
		child uintptr
		errno syscall.Errno
		args  = &cloneArgs{
			flags: vforkFlags | unix.CLONE_PIDFD | unix.CLONE_INTO_CGROUP, exitSignal: uint64(unix.SIGCHLD),
			pidfd: uint64(uintptr(unsafe.Pointer(&l.pidfd))), cgroup: uint64(max(l.directory, 0)),
		}
	)
	syscall.ForkLock.Lock()
	l.expendable(true)
	beforeFork()
	if l.directory >= 0 {
		child, errno = vfork(unix.SYS_CLONE3, uintptr(unsafe.Pointer(args)), unsafe.Sizeof(*args), 0)
	} else {
		child, errno = vfork(unix.SYS_CLONE, vforkFlags|unix.CLONE_PIDFD|uintptr(unix.SIGCHLD), 0, uintptr(unsafe.Pointer(&l.pidfd)))
	}
	if child == 0 && errno == 0 {
		l.become()
	}
	afterFork()
	l.expendable(false)
	syscall.ForkLock.Unlock()
	if errno != 0 {
		return 0, -1, &launchError{atFork, errno}
	}
	return int(child), int(l.pidfd), l.failure()
}

// failure is why the process did not become the program.
func (l *launch) failure() error {
	if l.errno != 0 {
		return &launchError{l.failedAt, l.errno}
	}
	return nil
}

// Texts for the kernel.
var (
	oneself       = [...]byte{'0'}
	defaultAction sigaction
	noSignals     uint64
)

// mostExpendable is the highest oom_score_adj.
var mostExpendable = []byte("1000")

// become makes the calling process, just forked, the program. It does not
// return: what fails is left in l, whose memory is its parent's too.
//
//go:nosplit
//go:norace
func (l *launch) become() {
	l.failedAt, l.errno = l.prepare()
	if l.errno == 0 {
		l.failedAt = atExec
		if l.path == nil {
			l.errno = tryFilter()
		} else {
			_, _, l.errno = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(l.path)),
				uintptr(unsafe.Pointer(unsafe.SliceData(l.argv))), uintptr(unsafe.Pointer(unsafe.SliceData(l.envv))))
		}
	}
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
	}
}

// prepare does all but the last step.
//
//go:nosplit
//go:norace
func (l *launch) prepare() (launchStep, syscall.Errno) {
	resetSignals()
	for _, file := range l.tasks {
		if _, _, errno := syscall.RawSyscall(unix.SYS_WRITE, uintptr(file), uintptr(unsafe.Pointer(&oneself)), 1); errno != 0 {
			return atGroup, errno
		}
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0); errno != 0 {
		return atTerminal, errno
	}
	for i := range l.streams {
		if l.streams[i] == i {
			continue
		}
		if _, _, errno := syscall.RawSyscall(unix.SYS_DUP3, uintptr(l.streams[i]), uintptr(i), 0); errno != 0 {
			return atStreams, errno
		}
	}
	if l.terminal {
		if _, _, errno := syscall.RawSyscall(unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0); errno != 0 {
			return atTerminal, errno
		}
	}
	if l.dir != nil {
		if _, _, errno := syscall.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(l.dir)), 0, 0); errno != 0 {
			return atDirectory, errno
		}
	}
	if len(l.processors) > 0 { // what the kernel refuses is the machine's to say: a processor may have gone
		syscall.RawSyscall(unix.SYS_SCHED_SETAFFINITY, 0, uintptr(len(l.processors)), uintptr(unsafe.Pointer(unsafe.SliceData(l.processors))))
	}
	for i := range l.limits {
		_, _, errno := syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, l.limits[i].resource, uintptr(unsafe.Pointer(&l.limits[i].value)), 0, 0, 0)
		if errno != 0 {
			return atLimits, errno
		}
	}
	if l.filter != nil {
		_, _, errno := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(l.filter)))
		if errno != 0 {
			return atFilter, errno
		}
	}
	if l.reports >= 0 { // by itself: who is to tell may be killed by the program
		pid, _, _ := syscall.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
		report(l.reports, programForked, uint64(pid))
	}
	return atExec, 0
}

// resetSignals takes away the agent's handlers and lets signals in. What Go has
// for it asks the thread that forked, which with a keeper goes on meanwhile.
//
//go:nosplit
//go:norace
func resetSignals() {
	for n := uintptr(1); n <= 64; n++ {
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, n, uintptr(unsafe.Pointer(&defaultAction)), 0, 8, 0, 0)
	}
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&noSignals)), 0, 8, 0, 0)
}

// expendable lets the kernel take what is forked now before the agent when memory
// runs out: a process inherits the value, and cannot raise it by itself as long as it
// shares the agent's memory, which is undumpable. The agent has its own back at once.
// A keeper gets the agent's, since both have one memory, and so do its programs.
func (l *launch) expendable(is bool) {
	if l.score < 0 {
		return
	}
	if is {
		_, _ = unix.Pwrite(l.score, mostExpendable, 0)
	} else {
		_, _ = unix.Pwrite(l.score, l.ownScore, 0)
	}
}

// tryFilter makes two calls that the filter of package harden answers and the
// kernel would not answer so.
//
//go:nosplit
//go:norace
func tryFilter() syscall.Errno {
	_, _, clone3 := syscall.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
	_, _, ring := syscall.RawSyscall(unix.SYS_IO_URING_SETUP, 0, 0, 0)
	if clone3 != unix.ENOSYS || ring != unix.EPERM {
		return unix.EINVAL
	}
	return 0
}

// proveFilter has a process try the filter that programs are going to live
// under, where the agent itself cannot: it refuses the only call that starts a
// process in a group of version 2.
func (a *agent) proveFilter() error {
	l := &launch{directory: -1, reports: -1, score: -1, pidfd: -1, filter: a.filter, streams: []int{0, 1, 2}}
	pid, pidfd, err := l.start()
	if pidfd >= 0 {
		unix.Close(pidfd)
	}
	if pid > 0 {
		_, waitErr := unix.Wait4(pid, nil, 0, nil)
		err = errors.Join(err, waitErr)
	}
	if err != nil {
		return fmt.Errorf("programs would not be under the system call filter: %w", err)
	}
	return nil
}
