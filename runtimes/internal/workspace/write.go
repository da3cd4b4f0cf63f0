package workspace

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes"
)

// WriteFile writes a regular file: mode 0644, or 0755 when Executable, with
// the owner of the tree. Replace writes a temporary and renames it, so that a
// disk that is full keeps the old content; both contents need space meanwhile.
func (t *Tree) WriteFile(ctx context.Context, cmd runtimes.WriteFile) (int64, error) {
	at, err := t.begin(ctx, cmd.Path)
	if err != nil {
		return 0, err
	}
	if cmd.Mode == runtimes.Append {
		err = t.appendTo(at, cmd.Content, cmd.Executable)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return written(cmd.Content, t.explain(at, err))
		}
	}
	err = t.replace(at, cmd.Content, cmd.Executable)
	return written(cmd.Content, t.explain(at, err))
}

// written is the answer to a write, which is done whole or not at all.
func written(content []byte, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return int64(len(content)), nil
}

func permissions(executable bool) fs.FileMode {
	if executable {
		return 0o755
	}
	return 0o644
}

func (t *Tree) replace(at location, content []byte, executable bool) error {
	target, err := t.fileTarget(at)
	if err != nil {
		return err
	}
	name, f, err := t.createTemporary()
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = t.finish(f, permissions(executable), err); err != nil {
		t.discard(name)
		return err
	}
	err = t.swap(name, target)
	if errors.Is(err, fs.ErrNotExist) && !target.linked {
		if err = t.makeDirectories(path.Dir(target.name)); err == nil {
			err = t.root.Rename(name, target.name)
		}
	}
	if err != nil {
		t.discard(name)
	}
	return err
}

// target is the place that a path leads to once symlinks at its end are
// followed. info is nil where nothing is there yet.
type target struct {
	name   string
	info   fs.FileInfo
	linked bool // it was reached through a symlink
}

// maxLinks is how many symlinks are followed in a row, as in path_resolution(7).
const maxLinks = 40

// follow resolves symlinks in the last element, as an open would do, since a
// rename would replace the link itself. The name it returns may hold ".." from
// a link, which os.Root resolves and confines.
func (t *Tree) follow(name string) (target, error) {
	found := target{name: name}
	for range maxLinks {
		info, err := t.root.Lstat(found.name)
		if errors.Is(err, fs.ErrNotExist) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		if info.Mode().Type() != fs.ModeSymlink {
			found.info = info
			return found, nil
		}
		link, err := t.root.Readlink(found.name)
		if err != nil {
			return found, err
		}
		if path.IsAbs(link) {
			return found, t.escape
		}
		found = target{name: path.Dir(found.name) + "/" + link, linked: true}
	}
	return found, syscall.ELOOP
}

// fileTarget is follow for a regular file that is to be written.
func (t *Tree) fileTarget(at location) (target, error) {
	found, err := t.follow(at.name)
	switch {
	case err != nil:
		return found, err
	case found.info == nil && at.slash:
		return found, at.fail(runtimes.CodeIsADirectory, "a path that ends in a slash names a directory")
	case found.info == nil:
		return found, nil
	case found.info.IsDir():
		return found, syscall.EISDIR
	case !found.info.Mode().IsRegular():
		return found, at.fail(runtimes.CodeNotRegularFile, notRegular)
	case at.slash:
		return found, syscall.ENOTDIR
	}
	return found, nil
}

// appendTo adds to the end of a file that is there. When space runs out the
// file gets its old length back, unless a program has written to it meanwhile:
// its bytes are not ours to cut.
func (t *Tree) appendTo(at location, content []byte, executable bool) error {
	f, err := t.root.OpenFile(at.text(), os.O_WRONLY|os.O_APPEND|openFlags, 0)
	if err != nil {
		return t.notRegularInstead(at, err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return err
	}
	if !before.Mode().IsRegular() {
		return at.fail(runtimes.CodeNotRegularFile, notRegular)
	}
	n, err := f.Write(content)
	if err != nil {
		after, statErr := f.Stat()
		if n > 0 && statErr == nil && after.Size() == before.Size()+int64(n) {
			err = errors.Join(err, f.Truncate(before.Size()))
		}
		return err
	}
	if executable {
		return f.Chmod(permissions(true))
	}
	return nil
}

// notRegularInstead gives the reason that matters when an open failed on a
// socket or a device, whose errors differ by kind and mount.
func (t *Tree) notRegularInstead(at location, err error) error {
	info, statErr := t.root.Stat(at.text())
	if statErr == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return at.fail(runtimes.CodeNotRegularFile, notRegular)
	}
	return err
}
