package guest

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// openSelf opens this program while it can still be found: in a box it is not.
func openSelf() (*os.File, error) {
	fd, err := unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the agent's program: %w", err)
	}
	return os.NewFile(uintptr(fd), "guest"), nil
}

// shimProgram is the path of this program for a shim. The file there is one
// that its caller may execute and not read: of such a one the kernel lets
// nobody look into the process from its first instruction on (would_dump of
// execve(2)). A shim that had to call prctl(2) first would leave a program of
// the session the time to open its reports under /proc/PID/fd, or its memory.
func (a *agent) shimProgram() string {
	a.hideSelf.Do(func() {
		if hidden, err := hiddenCopy(a.self); err == nil && hidden != nil {
			a.self.Close()
			a.self = hidden
		}
	})
	return pathOf(a.self)
}

func pathOf(file *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", file.Fd()) }

// hiddenCopy copies a program into memory, as a file that can only be executed;
// nil when that is so of the program itself. A host that allows no programs in
// memory (vm.memfd_noexec) gives an error.
func hiddenCopy(program *os.File) (*os.File, error) {
	from, err := os.Open(pathOf(program))
	if err != nil {
		if os.IsPermission(err) {
			return nil, nil
		}
		return nil, err
	}
	defer from.Close()
	fd, err := unix.MemfdCreate("guest", unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if err == unix.EINVAL { // Linux before 6.3
		fd, err = unix.MemfdCreate("guest", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, err
	}
	to := os.NewFile(uintptr(fd), "guest")
	defer to.Close() // one that is open for writing cannot be executed
	if _, err := io.Copy(to, from); err != nil {
		return nil, err
	}
	if err := to.Chmod(0o111); err != nil {
		return nil, err
	}
	copied, err := unix.Open(pathOf(to), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(copied), "guest"), nil
}
