package guest

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reap waits for every process that is, or by the death of its parent has
// become, the agent's child. It never returns.
//
// It waits for the signal and not in waitid(2): the Go runtime would look every
// 20 µs whether the thread is back.
func (t *table) reap() {
	born := make(chan os.Signal, 1)
	signal.Notify(born, unix.SIGCHLD)
	for {
		t.reapAll()
		<-born
	}
}

// reapAll reaps what has ended.
func (t *table) reapAll() {
	t.reaping.Lock()
	defer t.reaping.Unlock()
	for {
		child, err := waitChild(unix.WEXITED | unix.WSTOPPED | unix.WNOHANG)
		switch {
		case err != 0 || child.pid == 0:
			return
		case child.code == stopped:
			t.goOn(child.pid)
		default:
			if x, status := t.bury(child.pid); x != nil {
				go x.ended(&status)
			}
		}
	}
}

// awaitEnd waits for the end of the program by a descriptor of it, which wakes
// fewer threads than the signal does. Whoever sees it first reaps it.
func (x *execution) awaitEnd(pidfd int) {
	_ = unix.SetNonblock(pidfd, true) // for the poller
	file := os.NewFile(uintptr(pidfd), "program")
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	var status unix.WaitStatus
	reaped, looks := false, 0
	err = raw.Read(func(uintptr) (done bool) {
		done, reaped, status = x.agent.table.reapProgram(x)
		if looks++; !done && looks > 1 { // it has ended, and its tracer is to see it first
			go x.agent.table.endTracer(x)
		}
		return done
	})
	if err == nil && reaped {
		x.ended(&status)
	}
}

// tracerGrace is how long a tracer may take to see the end of a program.
const tracerGrace = 100 * time.Millisecond

// endTracer ends whoever traces the program of x, which has ended, if that goes
// on: no program may hold up the end of another.
func (t *table) endTracer(x *execution) {
	for range 10 {
		select {
		case <-x.gone:
			return
		case <-time.After(tracerGrace):
		}
		t.mu.Lock()
		if t.byPID[x.pid] == x {
			if tracer := tracerOf(x.pid); tracer > 1 {
				_ = unix.Kill(tracer, unix.SIGKILL)
			}
		}
		t.mu.Unlock()
	}
}

// tracerOf reads who traces a process; zero is nobody.
func tracerOf(pid int) (tracer int) {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, line, _ := strings.Cut(string(text), "\nTracerPid:")
	_, _ = fmt.Sscan(line, &tracer)
	return tracer
}

// reapProgram reaps the program of x if it has ended and that has not been done.
func (t *table) reapProgram(x *execution) (done, reaped bool, status unix.WaitStatus) {
	t.reaping.Lock()
	defer t.reaping.Unlock()
	t.mu.Lock()
	known := t.byPID[x.pid] == x
	t.mu.Unlock()
	if !known {
		return true, false, 0
	}
	buried, status := t.bury(x.pid)
	return buried != nil, buried != nil, status
}

// bury reaps a dead child. It returns the execution of which it was the
// program, with the status; nil when it was of none, or is not dead.
func (t *table) bury(pid int) (*execution, unix.WaitStatus) {
	var status unix.WaitStatus
	t.mu.Lock()
	dead, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
	if err != nil || dead != pid {
		t.mu.Unlock()
		return nil, 0
	}
	if status.Stopped() {
		// It asked its parent to trace it, and waits for a word that never comes.
		_ = unix.Kill(pid, unix.SIGKILL)
		t.mu.Unlock()
		return nil, 0
	}
	x := t.byPID[pid]
	delete(t.byPID, pid)
	if x == nil && t.unnamed > 0 {
		t.orphans[pid] = status
	}
	t.mu.Unlock()
	if x != nil && x.keeper == pid {
		close(x.keeperGone)
		return nil, 0
	}
	return x, status
}

// goOn lets a stopped keeper continue: no program may hold up the report of its
// own end. Programs stay stopped, for job control.
func (t *table) goOn(pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOHANG, nil) // takes the news away
	if x := t.byPID[pid]; x != nil && x.keeper == pid {
		_ = unix.Kill(pid, unix.SIGCONT)
	}
}

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
	trapped = 4 // CLD_TRAPPED: it is traced by who waits
	stopped = 5 // CLD_STOPPED
)

// waitChild waits for a child and leaves it unreaped: its process id stays its
// own until then. A zero pid is none, with WNOHANG.
//
//go:nosplit
//go:norace
func waitChild(options uintptr) (child, syscall.Errno) {
	// siginfo_t, sigaction(2): si_signo, si_errno, si_code, padding to eight
	// bytes, si_pid, si_uid, si_status.
	var info [128 / 4]int32
	for {
		_, _, errno := syscall.RawSyscall6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)),
			options|unix.WNOWAIT, 0, 0)
		if errno != unix.EINTR {
			return child{pid: int(info[4]), code: info[2], status: info[6]}, errno
		}
	}
}

// waitStatus is that of wait(2), of a child that has ended.
//
//go:nosplit
//go:norace
func (c child) waitStatus() unix.WaitStatus {
	switch c.code {
	case exited:
		return unix.WaitStatus(c.status&0xff) << 8
	case dumped:
		return unix.WaitStatus(c.status) | 0x80
	}
	return unix.WaitStatus(c.status)
}
