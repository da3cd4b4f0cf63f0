package guest

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// followStart waits until a shim has become the program.
func (x *execution) followStart(reports *os.File) {
	defer reports.Close()
	if err := becomes(reports); err != nil {
		x.fail(startError(x.spec.Args[0], err).Error())
		return
	}
	x.run()
}

// becomes waits until a shim has become the program, by which its reports end.
func becomes(reports *os.File) error {
	ready := false
	for {
		kind, number, err := readReport(reports)
		switch {
		case err != nil && ready:
			return nil
		case err != nil:
			return errShimEnded
		case kind == shimFailed:
			return syscall.Errno(number)
		}
		ready = true
	}
}

var errShimEnded = errors.New("what was to start it was killed, or found no room")

// follow starts the program that the supervising shim holds, and reads what the
// shim reports until it ends. A program of its uid may kill it at any time: what
// was its child is the agent's then, and known to it.
func (x *execution) follow(reports, gate *os.File) {
	defer close(x.followed)
	defer reports.Close()
	pid, err := x.passGate(reports, gate)
	if err != nil {
		x.fail(startError(x.spec.Args[0], err).Error())
	} else {
		x.agent.table.named(x, pid)
		x.run()
	}
	for {
		kind, number, err := readReport(reports)
		if err != nil {
			break
		}
		switch kind {
		case shimEnded:
			if x.agent.table.forget(x, pid) {
				go x.ended(unix.WaitStatus(number))
			}
		case shimUsed:
			used := int64(number)
			x.used.Store(&used)
		}
	}
	x.agent.table.signalGroup(x, unix.SIGKILL) // of a shim that was killed
}

// passGate learns the process id of the program to be and lets it go.
func (x *execution) passGate(reports, gate *os.File) (pid int, err error) {
	defer gate.Close()
	kind, number, err := readReport(reports)
	switch {
	case err != nil:
		return 0, errShimEnded
	case kind == shimFailed:
		return 0, syscall.Errno(number)
	}
	pid = int(number)
	if !x.agent.table.adopt(x, pid) {
		return 0, errShimEnded
	}
	_, _ = gate.Write([]byte{1}) // one that is gone is told by the reading
	defer x.urge(pid)()
	return pid, becomes(gate)
}

// urgeAfter is more than what is held needs to become the program.
const urgeAfter = 20 * time.Millisecond

// urge lets what is held continue, again and again until stop is called: a
// program of its uid may stop it.
func (x *execution) urge(pid int) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(urgeAfter)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				x.agent.table.signalHeld(x, pid, unix.SIGCONT)
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}
