package guest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where there are no control groups, each program has a keeper: a process that starts it, is the subreaper of its tree (prctl(2)), and reaps. What
// the program starts stays below its keeper, and so can be told apart, measured
// and ended while other programs run.
//
// A program may kill its keeper: they have one uid. Then the agent, to which
// its tree falls, knows the program by its own word and reaps it.

// Kinds of reports, messages of nine bytes: a kind and a number.
const (
	programForked  = iota + 1 // its process id, told by the process that is to become it
	programFailed             // it did not start: the step and the errno
	programStarted            // it runs
	programEnded              // its wait status; it has not been reaped yet
	treeLives                 // the program has left others
	treePeak                  // bytes that the largest process of the tree held at most
	treeUsed                  // nanoseconds of the whole tree, the last report
)

// report writes one, in a process that may do nothing else.
//
//go:nosplit
//go:norace
func report(to int, kind byte, number uint64) {
	var message [9]byte
	message[0] = kind
	for i := 1; i < len(message); i++ {
		message[i] = byte(number)
		number >>= 8
	}
	syscall.RawSyscall(unix.SYS_WRITE, uintptr(to), uintptr(unsafe.Pointer(&message)), unsafe.Sizeof(message))
}

func readReport(from *os.File) (kind byte, number uint64, err error) {
	var message [9]byte
	if _, err := io.ReadFull(from, message[:]); err != nil {
		return 0, 0, err
	}
	return message[0], binary.LittleEndian.Uint64(message[1:]), nil
}

// A keeper is a process of its own in the memory of the agent, for copying that
// would take longer than starting the program. So it has a stack of its own,
// blocks all signals, and does nothing but call the kernel: it may touch
// neither Go's heap nor the thread that forked it, which goes on.

// keeperStack is more than the linker lets functions use that do not grow it.
const keeperStack = 16 << 10

// forkKeeper is clone(2) with CLONE_VM. The new process begins in keep, on that
// stack, which grows down from there.
func forkKeeper(stack uintptr, l *launch) (pid uintptr, errno syscall.Errno)

var _ = keep // called by forkKeeper

// startKept forks the keeper. Both need l until the reports have ended.
func (l *launch) startKept() (keeper int, err error) {
	stack, err := unix.Mmap(-1, 0, keeperStack, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return 0, &launchError{atFork, unix.ENOMEM}
	}
	l.stack = stack
	syscall.ForkLock.Lock()
	beforeFork()
	pid, errno := forkKeeper(uintptr(unsafe.Pointer(&stack[0]))+keeperStack, l)
	afterFork()
	syscall.ForkLock.Unlock()
	if errno != 0 {
		l.release()
		return 0, &launchError{atFork, errno}
	}
	return int(pid), nil
}

// release frees the stack. Only when the reports have ended is it sure that
// nobody is on it: what is to become the program outlives a keeper that is
// killed.
func (l *launch) release() {
	_ = unix.Munmap(l.stack)
	l.stack = nil
}

// keep is the keeper. It never returns.
//
//go:nosplit
//go:norace
func keep(l *launch) {
	syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
	syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_CHILD_SUBREAPER, 1, 0)
	program, errno := vfork(unix.SYS_CLONE, vforkFlags|uintptr(unix.SIGCHLD), 0, 0)
	if program == 0 && errno == 0 {
		l.become()
	}
	if errno != 0 {
		l.failedAt, l.errno = atFork, errno
	}
	if l.errno != 0 {
		report(l.reports, programFailed, uint64(l.failedAt)<<32|uint64(l.errno))
	} else {
		reports := l.reports
		report(reports, programStarted, 0)
		giveUpFiles(reports)
		reapBelow(program, reports)
	}
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

// maxFiles is up to where descriptors are closed one by one, before Linux 5.9.
const maxFiles = 4096

// giveUpFiles closes all but the reports: the program's streams and the
// agent's own would stay open as long as the keeper.
//
//go:nosplit
//go:norace
func giveUpFiles(but int) {
	_, _, below := syscall.RawSyscall(unix.SYS_CLOSE_RANGE, 0, uintptr(but-1), 0)
	_, _, above := syscall.RawSyscall(unix.SYS_CLOSE_RANGE, uintptr(but+1), uintptr(^uint32(0)), 0)
	if below == 0 && above == 0 {
		return
	}
	for fd := 0; fd < maxFiles; fd++ {
		if fd != but {
			syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
		}
	}
}

// reap waits for everything below the keeper. The end of the program is
// reported before it is reaped: if the keeper is killed meanwhile, it is left
// to the agent to reap.
//
//go:nosplit
//go:norace
func reapBelow(program uintptr, reports int) {
	var used unix.Rusage
	for {
		dead, errno := waitChild(unix.WEXITED)
		if errno != 0 {
			break
		}
		if dead.code == trapped { // it asked to be traced, and nobody will ever let it go on
			syscall.RawSyscall(unix.SYS_KILL, uintptr(dead.pid), uintptr(unix.SIGKILL), 0)
			// Takes the news of the stop away and not that of the end, which may
			// have come meanwhile.
			syscall.RawSyscall6(unix.SYS_WAITID, unix.P_PID, uintptr(dead.pid), 0, unix.WSTOPPED|unix.WNOHANG, 0, 0)
			continue
		}
		if uintptr(dead.pid) == program {
			report(reports, programEnded, uint64(dead.waitStatus()))
		}
		syscall.RawSyscall6(unix.SYS_WAIT4, uintptr(dead.pid), 0, unix.WNOHANG, 0, 0, 0)
		if uintptr(dead.pid) == program {
			program = 0 // the number may become another's
			if _, none := waitChild(unix.WEXITED | unix.WNOHANG); none == 0 {
				report(reports, treeLives, 0)
			}
		}
	}
	const children = ^uintptr(0) // RUSAGE_CHILDREN
	syscall.RawSyscall(unix.SYS_GETRUSAGE, children, uintptr(unsafe.Pointer(&used)), 0)
	report(reports, treePeak, uint64(used.Maxrss)<<10)
	report(reports, treeUsed, uint64(used.Utime.Sec+used.Stime.Sec)*1e9+uint64(used.Utime.Usec+used.Stime.Usec)*1e3)
}

// follow reads what the keeper reports until it ends. A program that has
// killed it runs all the same, and is ended: its tree can no more be told from
// others.
func (x *execution) follow(l *launch, reports *os.File) {
	defer close(x.followed)
	defer l.release()
	defer reports.Close()
	t := x.agent.table
	failure := error(errKeeperEnded)
	named, failed, running, ended := false, false, false, false
	for {
		kind, number, err := readReport(reports)
		if err != nil {
			break
		}
		switch kind {
		case programForked:
			named = true
			t.name(x, int(number))
		case programFailed:
			failed, failure = true, &launchError{launchStep(number >> 32), syscall.Errno(uint32(number))}
		case programStarted:
			running = true
			x.run()
		case programEnded:
			ended = true
			status := unix.WaitStatus(number)
			if t.forget(x) || !named { // it was killed before it could say its name
				go x.ended(&status)
			}
		case treeLives:
			close(x.crowded)
		case treePeak:
			x.peak.Store(int64(number))
		case treeUsed:
			used := int64(number)
			x.used.Store(&used)
		}
	}
	if !named {
		t.unnamedEnded()
	}
	switch {
	case failed, !running && !named:
		t.forget(x)
		x.fail(startError(x.spec.Args[0], x.spec.Dir, failure).Error())
	case !running:
		x.run()
	case !named && !ended: // killed, and its keeper too: nobody knows how
		go x.ended(nil)
	}
	t.signalGroup(x, unix.SIGKILL)
}

var errKeeperEnded = errors.New("what was to start it was killed, or found no room")

// startKept starts the program below a keeper of its own.
func (s *starter) startKept(x *execution, l *launch) error {
	reports, theirs, err := pipe()
	if err != nil {
		return fmt.Errorf("the start could not be prepared: %w", err)
	}
	if theirs, err = aboveChannel(theirs); err != nil {
		reports.Close()
		return fmt.Errorf("the start could not be prepared: %w", err)
	}
	defer unix.Close(theirs)
	l.reports = theirs
	if err := s.agent.table.keep(x, l); err != nil {
		reports.Close()
		return startError(x.spec.Args[0], x.spec.Dir, err)
	}
	go x.follow(l, reports)
	return nil
}

// keeperGrace is how long a keeper may take to end once its tree is gone.
const keeperGrace = time.Second

// aloneAfter is how long a keeper gets to tell whether the program has left
// anything: one that is stopped does not.
const aloneAfter = 100 * time.Millisecond

// isAlone reports whether the keeper has ended by itself: what it had to look
// after is gone, and nobody has to look for it.
func (x *execution) isAlone() bool {
	late := time.NewTimer(aloneAfter)
	defer late.Stop()
	select {
	case <-x.followed:
		return x.used.Load() != nil
	case <-x.crowded:
	case <-late.C:
	}
	return false
}

// endKeeper waits for the keeper and its last report. One that a program of its
// uid has stopped or killed cannot make the execution last, nor save what was
// below it.
func (x *execution) endKeeper() *int64 {
	select {
	case <-x.keeperGone:
	case <-time.After(keeperGrace):
		x.agent.table.signalKeeper(x, unix.SIGKILL)
		<-x.keeperGone
	}
	<-x.followed
	if used := x.used.Load(); used != nil {
		return used
	}
	x.agent.killStrays()
	return nil
}
