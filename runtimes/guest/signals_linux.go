package guest

import (
	"os"
	"os/signal"
	"syscall"
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
	caught := make(chan os.Signal, 16) // full: the runtime drops the rest
	signal.Notify(caught, deadly...)
	go func() {
		for range caught {
		}
	}()
}
