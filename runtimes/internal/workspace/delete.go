package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes"
)

// directoryBatch is how many names are read from a directory at a time.
const directoryBatch = 1024

// DeleteFile removes a file, a link (never what it points to) or a directory.
// A recursive delete that is cut short by ctx leaves what it had not reached.
func (t *Tree) DeleteFile(ctx context.Context, cmd runtimes.DeleteFile) error {
	return t.do(ctx, cmd.Path, false, func(at location) error {
		if at.isTop() {
			return at.fail(runtimes.CodePermissionDenied, "the workspace itself cannot be deleted")
		}
		if _, err := t.entry(at); err != nil {
			return err
		}
		if cmd.Recursive {
			return t.removeAll(ctx, t.root, at.name)
		}
		return t.root.Remove(at.name)
	})
}

// entry looks at a name itself, not at what a link points to. With a trailing
// slash only a directory will do, and a link that leads out says so.
func (t *Tree) entry(at location) (fs.FileInfo, error) {
	info, err := t.root.Lstat(at.name)
	if err != nil || !at.slash || info.IsDir() {
		return info, err
	}
	if _, err := t.stat(at); err != nil {
		return nil, err
	}
	return nil, syscall.ENOTDIR
}

// removeAll removes name below root. It holds a few handles and a thousand
// names at a time, however deep and wide the tree is: a directory that is not
// empty is moved up next to name's other children before its turn comes
// (os.RemoveAll keeps one handle for each level).
func (t *Tree) removeAll(ctx context.Context, root *os.Root, name string) error {
	err := root.Remove(name)
	if err == nil || !isFullDirectory(err) {
		return err
	}
	was, statErr := root.Lstat(name)
	if statErr != nil || !was.IsDir() {
		return err
	}
	top, err := t.openOwnDirectory(root, name)
	if err != nil {
		return err
	}
	defer top.Close()
	// A program may have put a link in the directory's place meanwhile.
	if is, err := top.Lstat("."); err != nil || !os.SameFile(was, is) {
		return errors.Join(err, syscall.ENOTEMPTY)
	}
	r := remover{tree: t, ctx: ctx, top: top}
	if err := r.empty("."); err != nil {
		return err
	}
	return root.Remove(name)
}

// isFullDirectory tells a directory with something in it, or one that its
// owner may not write, from what could not be removed for another reason.
func isFullDirectory(err error) bool {
	return errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrPermission)
}

// openOwnDirectory opens a directory whose mode may shut even its owner out.
func (t *Tree) openOwnDirectory(root *os.Root, name string) (*os.Root, error) {
	dir, err := t.openDirectory(root, name)
	if errors.Is(err, fs.ErrPermission) {
		if err := root.Chmod(name, 0o700); err != nil {
			return nil, err
		}
		dir, err = t.openDirectory(root, name)
	}
	return dir, err
}

// remover empties one directory, top.
type remover struct {
	tree  *Tree
	ctx   context.Context
	top   *os.Root
	moved int // directories moved up to top so far
}

// empty removes what is in dir: top itself (".") or a child of it. Passes are
// repeated until one finds nothing, for programs may add names meanwhile and
// moving up adds some; ctx ends the race with a program that never stops.
func (r *remover) empty(dir string) error {
	for chmod := true; ; {
		found, err := r.pass(dir)
		if errors.Is(err, fs.ErrPermission) && chmod {
			chmod = false
			if err := r.top.Chmod(dir, 0o700); err != nil {
				return err
			}
			continue
		}
		if err != nil || found == 0 {
			return err
		}
	}
}

// pass reads dir once to its end and removes each entry. It returns how many
// there were.
func (r *remover) pass(dir string) (found int, err error) {
	handle, err := r.top.Open(dir + "/.")
	if err != nil {
		return 0, err
	}
	defer handle.Close()
	for {
		names, err := handle.Readdirnames(directoryBatch)
		for _, name := range names {
			if err := r.remove(dir, name); err != nil {
				return found, err
			}
		}
		found += len(names)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
	}
}

func (r *remover) remove(dir, name string) error {
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	full := name
	if dir != "." {
		full = dir + "/" + name
	}
	err := r.top.Remove(full)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return nil
	case !isFullDirectory(err):
		return err
	}
	info, statErr := r.top.Lstat(full)
	if statErr != nil || !info.IsDir() {
		return err
	}
	if dir == "." {
		if err := r.empty(name); err != nil {
			return err
		}
		return ignoreMissing(r.top.Remove(name))
	}
	return r.moveUp(full)
}

// moveUp makes a grandchild of top a child of it, where a later pass finds it.
func (r *remover) moveUp(full string) error {
	for chmod := true; ; {
		r.moved++
		err := r.top.Rename(full, fmt.Sprintf("%s%d", temporaryPrefix, r.moved))
		switch {
		case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.ENOTDIR):
			continue // the name is taken
		case errors.Is(err, fs.ErrPermission) && chmod:
			// A directory that moves is written to: its entry "..".
			chmod = false
			if err := r.top.Chmod(full, 0o700); err != nil {
				return ignoreMissing(err)
			}
			continue
		}
		return ignoreMissing(err)
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
