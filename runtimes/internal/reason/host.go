package reason

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes/internal/diskimage"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// causeMax bounds what is told of an error, in bytes.
const causeMax = 120

// Cause is an error in few words and without paths: what the kernel said, where
// it said something.
func Cause(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return Line(WithoutPaths(err.Error()), causeMax)
}

// Resources is the sentence for a host that has run out of something, "" for
// any other error.
func Resources(err error) string {
	switch {
	case errors.Is(err, syscall.ENOMEM):
		return "the host has no memory left: close sessions, or give it more"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "the server has no file descriptor left: raise its limit (`ulimit -n`, systemd's LimitNOFILE=)"
	case errors.Is(err, syscall.EAGAIN):
		return "the host lets the server start no further process: " +
			"raise its limit (`ulimit -u`, systemd's TasksMax=) or `sysctl kernel.pid_max`"
	}
	return ""
}

// Workspace is the sentence for a directory of a session that could not be made
// in the data directory.
func Workspace(err error) string {
	var onPath *fs.PathError
	file := errors.As(err, &onPath)
	switch {
	case errors.Is(err, workspace.ErrNoUID):
		return "every host user for sessions is taken: close sessions, then try again"
	case errors.Is(err, workspace.ErrExists):
		return "the session has a workspace already: try again, which makes another session"
	case errors.Is(err, diskimage.ErrNoRoom):
		return "the file system of the server's data directory has no room for so large a disk: ask for a smaller diskLimitMB, " +
			"close sessions that have one, or free some of it"
	case errors.Is(err, syscall.ENOSPC) && !file: // mount(2)
		return "the host allows no further mount: raise `sysctl fs.mount-max`"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the file system of the server's data directory is full: free some of it, or name another with --data-dir"
	case errors.Is(err, syscall.EROFS):
		return "the server's data directory is read-only: mount it writable, or name another with --data-dir"
	case errors.Is(err, fs.ErrPermission):
		return "the server may not write to its data directory: give it to the server's user (`chown -R`), " +
			"or name another with --data-dir"
	case errors.Is(err, fs.ErrNotExist):
		return "the server's data directory is not there any more: start the server again, which makes it"
	}
	if text := Resources(err); text != "" {
		return text
	}
	return "the directory of the session could not be made (" + Cause(err) + "): " + Again
}

// Again ends the sentence for what nobody foresaw.
const Again = "try again; the server's log has the whole error"

// NoTunnel is the sentence where no network can be given to sessions.
const NoTunnel = "this host has no /dev/net/tun that the server may open: load the module tun (`modprobe tun`), " +
	"and let others than root use it as most systems do (`chmod 666 /dev/net/tun`); or ask for network none"

// Relay is the sentence for a session's network that could not be carried.
func Relay(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "the process that carries the session's network may not execute the server's program: " +
			"let others than root do so (`chmod 755` on it and the directories above); or ask for network none"
	}
	if text := Resources(err); text != "" {
		return text
	}
	return "the process that carries the session's network could not be started (" + Cause(err) + "): " +
		Again + "; or ask for network none"
}
