package workspace

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Sentinels of the Manager.
var (
	// ErrInUse: another server works on the same directory.
	ErrInUse = errors.New("the workspace directory is in use by another server")
	// ErrExists: the session has a workspace already.
	ErrExists = errors.New("the session has a workspace already")
	// ErrNoUID: every uid of the range belongs to a living session.
	ErrNoUID = errors.New("no free uid in the range for sessions")
)

// fault is a row of the table of what the kernel may say to a command.
type fault struct {
	err     error
	code    runtimes.FileCode
	message string
}

// faults is searched in order. What is not in it (EIO, EMFILE, a closed tree)
// is not the fault of the command and stays a plain error.
var faults = []fault{
	{fs.ErrNotExist, runtimes.CodeNotFound, "no such file or directory"},
	{syscall.ELOOP, runtimes.CodeNotFound, "too many levels of symbolic links"},
	{syscall.ENOTEMPTY, runtimes.CodeDirectoryNotEmpty, "the directory is not empty"},
	{fs.ErrExist, runtimes.CodeAlreadyExists, "it exists already"},
	{syscall.ENOTDIR, runtimes.CodeNotADirectory, "not a directory"},
	{syscall.EISDIR, runtimes.CodeIsADirectory, "it is a directory"},
	{syscall.ENXIO, runtimes.CodeNotRegularFile, notRegular},
	{syscall.ENODEV, runtimes.CodeNotRegularFile, notRegular},
	{syscall.ENOSPC, runtimes.CodeNoSpace, "no space left in the workspace"},
	{syscall.ENOMEM, runtimes.CodeNoSpace, "no memory left in the session, whose files and programs share memoryLimitMB"},
	{syscall.EDQUOT, runtimes.CodeNoSpace, "no space left in the workspace"},
	{syscall.EFBIG, runtimes.CodeTooLarge, "the file is too large"},
	{syscall.EMLINK, runtimes.CodeTooLarge, "too many links"},
	{syscall.ENAMETOOLONG, runtimes.CodePathOutsideWorkspace, "a name in the path is longer than 255 bytes"},
	{fs.ErrPermission, runtimes.CodePermissionDenied, "permission denied"},
	{syscall.EROFS, runtimes.CodePermissionDenied, "the file system is read-only"},
	{syscall.EBUSY, runtimes.CodePermissionDenied, "it is in use"},
	{syscall.ETXTBSY, runtimes.CodePermissionDenied, "the program is running"},
	// A file under a lease (fcntl(2), F_SETLEASE) refuses a non-blocking open.
	{syscall.EAGAIN, runtimes.CodePermissionDenied, "the file is leased by a program"},
}

const (
	notRegular = "not a regular file"
	intoItself = "a directory cannot be put into itself"
	outside    = "the path leads out of the workspace"
)

// explain turns an error of the file system into the *runtimes.FileError that
// the client gets, or wraps nothing: what is already explained, the end of a
// context and what no command is to blame for are returned as they are.
func (t *Tree) explain(at location, err error) error {
	var already *runtimes.FileError
	switch {
	case err == nil, errors.As(err, &already), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, t.escape):
		return at.fail(runtimes.CodePathOutsideWorkspace, outside)
	}
	for _, f := range faults {
		if errors.Is(err, f.err) {
			return at.fail(f.code, f.message)
		}
	}
	return err
}
