package guest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/guest/internal/harden"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// The shim is this program once more, between the agent and one program
// (`guest exec`). It does what only a process of its own can:
//
//   - Without control groups it is the subreaper of its tree (prctl(2)): what
//     the program starts stays below it, and so can be told apart, measured
//     and ended while other programs run. It sets the command's own limits.
//   - With control groups of version 2 it is born in the group of its
//     execution, puts itself under the system call filter and becomes the
//     program. The agent itself cannot be under it: the filter refuses the
//     only call that starts a process in a group.

// shimSpec is what the agent tells the shim. It comes as a file, not as
// arguments and environment: a variable of the program may mean something to
// the shim too.
type shimSpec struct {
	Path string
	Args []string
	Env  []string
	Dir  string
	// Terminal makes standard input the controlling terminal.
	Terminal bool
	// Become: be the program. Otherwise stay as its subreaper.
	Become  bool
	Seccomp bool
	Limits  frame.Limits
}

// Descriptors of the shim besides the program's streams.
const (
	shimReports = 3 // reports, written
	shimInput   = 4 // shimSpec
)

// shimArgument is the shim's only argument.
const shimArgument = "exec"

// runShim is the shim. It reports by messages of nine bytes, a kind and a
// number. Reports to an agent that is gone end it with SIGPIPE's error.
func runShim() error {
	unix.CloseOnExec(shimReports)
	reports := os.NewFile(shimReports, "reports")
	spec, err := readShimSpec()
	if err != nil {
		return err
	}
	if err := spec.confine(); err != nil {
		report(reports, shimFailed, uint64(errnoOf(err)))
		return err
	}
	if spec.Become {
		err := spec.become()
		report(reports, shimFailed, uint64(errnoOf(err)))
		return err
	}
	return spec.supervise(reports)
}

func readShimSpec() (*shimSpec, error) {
	file := os.NewFile(shimInput, "spec")
	defer file.Close()
	var spec shimSpec
	if err := json.NewDecoder(file).Decode(&spec); err != nil {
		return nil, fmt.Errorf("read what to start: %w", err)
	}
	return &spec, nil
}

// confine limits the shim and so the program.
func (s *shimSpec) confine() error {
	if err := harden.Undumpable(); err != nil {
		return err
	}
	if s.Seccomp {
		if err := harden.Seccomp(); err != nil {
			return err
		}
	}
	set := func(resource int, value int64) error {
		if value == 0 {
			return nil
		}
		var have syscall.Rlimit
		if err := syscall.Getrlimit(resource, &have); err != nil {
			return err
		}
		bound := min(uint64(value), have.Max)
		return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: bound, Max: bound})
	}
	return errors.Join(set(unix.RLIMIT_DATA, s.Limits.Data), set(unix.RLIMIT_NPROC, s.Limits.Processes))
}

// become makes the process the program; it returns only what went wrong.
func (s *shimSpec) become() error {
	if _, err := unix.Setsid(); err != nil && err != unix.EPERM { // it leads one already
		return err
	}
	if s.Terminal {
		if err := unix.IoctlSetInt(0, unix.TIOCSCTTY, 0); err != nil {
			return err
		}
	}
	if err := unix.Chdir(s.Dir); err != nil {
		return err
	}
	return syscall.Exec(s.Path, s.Args, s.Env)
}

// supervise starts the program and reaps its whole tree until nothing is left.
func (s *shimSpec) supervise(reports *os.File) error {
	catchSignals()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		report(reports, shimFailed, uint64(errnoOf(err)))
		return err
	}
	pid, err := syscall.ForkExec(s.Path, s.Args, &syscall.ProcAttr{
		Dir: s.Dir, Env: s.Env, Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: s.Terminal},
	})
	if err != nil {
		report(reports, shimFailed, uint64(errnoOf(err)))
		return err
	}
	report(reports, shimStarted, uint64(pid))
	letGo()
	for {
		var status unix.WaitStatus
		dead, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			report(reports, shimUsed, uint64(usedBelow()))
			return nil
		case dead == pid && !status.Stopped():
			report(reports, shimEnded, uint64(uint32(status)))
		}
	}
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

// Kinds of reports.
const (
	shimStarted = iota + 1 // the program's process id
	shimFailed             // why it could not be started, an errno
	shimEnded              // the program's wait status
	shimUsed               // nanoseconds of the whole tree, the last report
)

func report(to *os.File, kind byte, number uint64) {
	to.Write(binary.LittleEndian.AppendUint64([]byte{kind}, number))
}

func errnoOf(err error) syscall.Errno {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return syscall.EINVAL
}
