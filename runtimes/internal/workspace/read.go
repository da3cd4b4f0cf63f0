package workspace

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes"
)

// openFlags of every open of a name that a program may have made: never wait
// for the other end of a FIFO, for a lease (open(2)) or for a carrier.
const openFlags = syscall.O_NONBLOCK | noControllingTerminal

// ReadFile reads a part of a regular file. A file that grows meanwhile is read
// up to the size it had, one that shrinks up to its end.
func (t *Tree) ReadFile(ctx context.Context, cmd runtimes.ReadFile) (runtimes.FileContent, error) {
	var found runtimes.FileContent
	err := t.do(ctx, cmd.Path, true, func(at location) (err error) {
		found, err = t.readPart(at, cmd)
		return err
	})
	return found, err
}

func (t *Tree) readPart(at location, cmd runtimes.ReadFile) (runtimes.FileContent, error) {
	var none runtimes.FileContent
	f, size, err := t.openRegular(t.root, at)
	if err != nil {
		return none, err
	}
	defer f.Close()

	length, asked := cmd.Length, true
	if length <= 0 || length > runtimes.MaxRead {
		length, asked = runtimes.MaxRead, false
	}
	found := runtimes.FileContent{Size: size}
	if cmd.Offset < 0 || cmd.Offset >= size {
		return found, nil
	}
	content := make([]byte, min(length, size-cmd.Offset))
	n, err := f.ReadAt(content, cmd.Offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return none, err
	}
	found.Content = content[:n]
	found.Truncated = !asked && cmd.Offset+length < size
	return found, nil
}

// openRegular opens a file for reading and makes sure of what was opened.
func (t *Tree) openRegular(root *os.Root, at location) (*os.File, int64, error) {
	f, err := root.OpenFile(at.text(), os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, 0, t.notRegularInstead(at, err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = syscall.EISDIR
	case !info.Mode().IsRegular():
		err = at.fail(runtimes.CodeNotRegularFile, notRegular)
	default:
		return f, info.Size(), nil
	}
	f.Close()
	return nil, 0, err
}
