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
//     and ended while other programs run. A command with limits of its own
//     gets a second shim, which sets them and becomes the program: the first
//     could not live with little memory.
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
	return nil
}

// setLimits sets the command's own limits. RLIMIT_NPROC counts all tasks of the
// uid, so those that are there already come on top.
func (s *shimSpec) setLimits() error {
	processes := s.Limits.Processes
	if processes > 0 {
		processes += int64(tasksBeside())
	}
	for resource, value := range map[int]int64{unix.RLIMIT_NPROC: processes, unix.RLIMIT_DATA: s.Limits.Data} {
		if value == 0 {
			continue
		}
		var have syscall.Rlimit
		if err := syscall.Getrlimit(resource, &have); err != nil {
			return err
		}
		bound := min(uint64(value), have.Max)
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: bound, Max: bound}); err != nil {
			return err
		}
	}
	return nil
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
	// Last: this program itself may be over the limit from here on.
	if err := s.setLimits(); err != nil {
		return err
	}
	return syscall.Exec(s.Path, s.Args, s.Env)
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
