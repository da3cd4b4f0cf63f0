package guest

import (
	"os"
	"os/signal"
	"syscall"
)

// catchSignals makes the agent survive the signals of programs that run under
// its uid: one that is caught and then dropped does nothing. Ignoring them
// instead would be inherited by programs, and an ignored SIGCHLD would reap
// behind the reaper's back.
//
// SIGURG stays the runtime's own. SIGKILL and SIGSTOP do not reach the first
// process of a pid namespace from inside it; see pid_namespaces(7).
func catchSignals() {
	all := make([]os.Signal, 0, 64)
	for n := syscall.Signal(1); n <= 64; n++ {
		if n != syscall.SIGURG && n != syscall.SIGKILL && n != syscall.SIGSTOP {
			all = append(all, n)
		}
	}
	caught := make(chan os.Signal, 16) // full: the runtime drops the rest
	signal.Notify(caught, all...)
	go func() {
		for range caught {
		}
	}()
}
