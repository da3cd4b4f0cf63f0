package guest

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

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
