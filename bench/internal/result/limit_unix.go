//go:build unix

package result

import "syscall"

// openFiles is how many descriptors this process may have.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur) // its type is signed on some systems
}
