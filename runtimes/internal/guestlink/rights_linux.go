package guestlink

import (
	"os"
	"syscall"
)

// unixRights makes the control message that passes the descriptors of files.
func unixRights(files []*os.File) ([]byte, error) {
	fds := make([]int, 0, len(files))
	for _, file := range files {
		raw, err := file.SyscallConn()
		if err != nil {
			return nil, err
		}
		// The owner keeps the file open until the agent has answered.
		if err := raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) }); err != nil {
			return nil, err
		}
	}
	return syscall.UnixRights(fds...), nil
}
