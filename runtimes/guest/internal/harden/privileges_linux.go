package harden

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Become takes on a uid and gid without supplementary groups. Root loses its
// capabilities by that.
func Become(uid, gid int) error {
	// A user namespace made by an ordinary user refuses setgroups(2),
	// user_namespaces(7). The groups it cannot give up have no name inside.
	if err := syscall.Setgroups(nil); err != nil && !errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("give up groups: %w", err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("become group %d: %w", gid, err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("become user %d: %w", uid, err)
	}
	return nil
}

// NoCapabilities empties the effective, permitted, inheritable and ambient
// sets. The bounding set stays: with NoNewPrivileges nothing can be gained
// from it, and emptying it takes forty calls on each thread.
func NoCapabilities() error {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("empty the ambient set: %w", errno)
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	_, _, errno = syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&none)), 0)
	if errno != 0 {
		return fmt.Errorf("empty the capability sets: %w", errno)
	}
	return nil
}

// NoNewPrivileges makes set-user-id programs and file capabilities without
// effect, PR_SET_NO_NEW_PRIVS(2const).
func NoNewPrivileges() error {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("set no_new_privs: %w", errno)
	}
	return nil
}

// Undumpable keeps processes of the same uid from tracing this one and from
// its descriptors and memory in /proc. Programs that it starts are not
// affected. A change of uid resets it.
func Undumpable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("become undumpable: %w", err)
	}
	return nil
}

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

// filterWorks tries calls that the filter answers and the kernel would not answer
// so: of the last, newer kernels say that its argument is wrong, older ones that
// they do not have it.
func filterWorks() bool {
	_, _, clone3 := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
	_, _, ring := unix.RawSyscall(unix.SYS_IO_URING_SETUP, 0, 0, 0)
	_, _, unlisted := unix.RawSyscall(unix.SYS_LISTMOUNT, 0, 0, 0)
	return clone3 == unix.ENOSYS && ring == unix.EPERM && unlisted == unix.EPERM
}
