package guestlink

import (
	"io"
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

// writeAtOnce writes as much as the stream takes without waiting.
func writeAtOnce(conn io.Writer, p []byte) (n int) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), p)
		return true
	})
	return max(n, 0)
}
