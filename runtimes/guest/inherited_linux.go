package guest

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// keepDescriptors lets no program inherit what the agent was started with
// besides its standard streams: whoever started the server may have left
// descriptors open.
func keepDescriptors() error {
	err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// Linux before 5.11, or a seccomp filter that does not know it.
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
