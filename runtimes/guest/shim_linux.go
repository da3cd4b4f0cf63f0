package guest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
//     and ended while other programs run. It holds the program until the agent
//     knows its process id, for the program may kill who is to tell it.
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
	shimGate    = 5 // where the program is held: it says that it is ready and is told to go on
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
		err := spec.become(reports)
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

// limits are the command's own. RLIMIT_NPROC counts all tasks of the uid, so
// those that are there already come on top.
func (s *shimSpec) limits() ([]rlimit, error) {
	processes := s.Limits.Processes
	if processes > 0 {
		but := 0
		if s.Become {
			but = os.Getpid()
		}
		processes += int64(tasks(but))
	}
	var limits []rlimit
	for resource, value := range map[int]int64{unix.RLIMIT_NPROC: processes, unix.RLIMIT_DATA: s.Limits.Data} {
		if value == 0 {
			continue
		}
		var have syscall.Rlimit
		if err := syscall.Getrlimit(resource, &have); err != nil {
			return nil, err
		}
		bound := min(uint64(value), have.Max)
		limits = append(limits, rlimit{uintptr(resource), syscall.Rlimit{Cur: bound, Max: bound}})
	}
	return limits, nil
}

// become makes the process the program; it returns only what went wrong.
func (s *shimSpec) become(reports *os.File) error {
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
	limits, err := s.limits()
	if err != nil {
		return err
	}
	for _, limit := range limits {
		if err := syscall.Setrlimit(int(limit.resource), &limit.value); err != nil {
			return err
		}
	}
	report(reports, shimReady, 0)
	return syscall.Exec(s.Path, s.Args, s.Env)
}

// Kinds of reports.
const (
	shimReady  = iota + 1 // the next thing is the program: if nothing follows, it runs
	shimFailed            // why it could not be started, an errno
	shimForked            // the process id that is held, to become the program's
	shimEnded             // the program's wait status; it has not been reaped yet
	shimUsed              // nanoseconds of the whole tree, the last report
)

func report(to *os.File, kind byte, number uint64) {
	to.Write(binary.LittleEndian.AppendUint64([]byte{kind}, number))
}

func readReport(from *os.File) (kind byte, number uint64, err error) {
	var message [9]byte
	if _, err := io.ReadFull(from, message[:]); err != nil {
		return 0, 0, err
	}
	return message[0], binary.LittleEndian.Uint64(message[1:]), nil
}

func errnoOf(err error) syscall.Errno {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return syscall.EINVAL
}
