package harden

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// State is what the kernel says of this process.
type State struct {
	NoCapabilities, NoNewPrivileges, Seccomp, Undumpable bool
}

// Verify asks the kernel about every thread, and tries the filter.
func Verify() (State, error) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return State{}, err
	}
	s := State{NoCapabilities: true, NoNewPrivileges: true, Seccomp: filterWorks()}
	for _, thread := range threads {
		text, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/status")
		if os.IsNotExist(err) {
			continue // it has ended
		}
		if err != nil {
			return State{}, err
		}
		s.check(string(text))
	}
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		return State{}, fmt.Errorf("read dumpable: %w", err)
	}
	s.Undumpable = dumpable == 0
	return s, nil
}

// check takes away what a thread's status file denies, proc_pid_status(5).
func (s *State) check(status string) {
	values := make(map[string]string)
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		values[key] = strings.TrimSpace(value)
	}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
		s.NoCapabilities = s.NoCapabilities && strings.Trim(values[set], "0") == ""
	}
	s.NoNewPrivileges = s.NoNewPrivileges && values["NoNewPrivs"] == "1"
	s.Seccomp = s.Seccomp && values["Seccomp"] == "2"
}

// filterWorks tries two calls that the filter answers and the kernel would not
// answer so.
func filterWorks() bool {
	_, _, clone3 := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
	_, _, ring := unix.RawSyscall(unix.SYS_IO_URING_SETUP, 0, 0, 0)
	return clone3 == unix.ENOSYS && ring == unix.EPERM
}
