//go:build unix

package guestbin

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mayExecute asks the kernel, which looks at the mount too (access(2)).
func mayExecute(path string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("%s: %w: %w", path, ErrNotExecutable, err)
	}
	return nil
}
