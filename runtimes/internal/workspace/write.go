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

// WriteFile writes a regular file. A new one has mode 0644, or 0755 when it is
// to be Executable, and the owner of the tree; it is made complete and then
// given its name. One that is there is overwritten in place, see overwrite,
// or with Atomic replaced by a temporary that is renamed: both contents need
// space meanwhile, and other hard links keep the old one.
func (t *Tree) WriteFile(ctx context.Context, cmd runtimes.WriteFile) (int64, error) {
	err := t.do(ctx, cmd.Path, true, func(at location) error {
		if !cmd.Atomic || cmd.Mode == runtimes.Append {
			err := t.writeInPlace(at, cmd)
			if err == nil || !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return t.replace(at, cmd.Content, cmd.Executable)
	})
	if err != nil {
		return 0, err
	}
	return int64(len(cmd.Content)), nil
}

// newFileMode is that of a file that is not there yet.
const newFileMode fs.FileMode = 0o644

// withExecutable is a mode once the command has had its say: true lets those
// run the file who may read it, false nobody, nil changes nothing.
func withExecutable(mode fs.FileMode, executable *bool) fs.FileMode {
	switch {
	case executable == nil:
		return mode
	case *executable:
		return mode | mode&0o444>>2
	}
	return mode &^ 0o111
}

func (t *Tree) replace(at location, content []byte, executable *bool) error {
	target, err := t.fileTarget(at)
	if err != nil {
		return err
	}
	name, f, err := t.createTemporary()
	if err != nil {
		return err
	}
	if err = t.charge.to(f, 0, int64(len(content))); err == nil {
		_, err = f.Write(content)
	}
	if err = t.finish(f, withExecutable(target.mode(newFileMode), executable), err); err != nil {
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

// mode is that of what is there, else the given one.
func (t target) mode(otherwise fs.FileMode) fs.FileMode {
	if t.info == nil {
		return otherwise
	}
	return t.info.Mode().Perm()
}

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
	found.linked = found.linked || at.dangling
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

// writeInPlace overwrites a file that is there or adds to its end. The file
// stays the same one: with its mode, owner and hard links, at the end of the
// symlinks that lead to it, and with those who watch it.
func (t *Tree) writeInPlace(at location, cmd runtimes.WriteFile) error {
	flags := os.O_WRONLY
	if cmd.Mode == runtimes.Append {
		flags |= os.O_APPEND
	}
	f, before, err := t.openForWriting(at, flags)
	if err != nil {
		return err
	}
	defer f.Close()
	if cmd.Mode == runtimes.Append {
		err = t.appendTo(f, before.Size(), cmd.Content)
	} else {
		err = t.overwrite(f, before.Size(), cmd.Content)
	}
	mode := before.Mode().Perm()
	if now := withExecutable(mode, cmd.Executable); err == nil && now != mode {
		err = f.Chmod(now)
	}
	return err
}

// openForWriting opens a regular file that is there. A mode that shuts its
// owner out is no obstacle, as it is none for a server that is root.
func (t *Tree) openForWriting(at location, flags int) (*os.File, fs.FileInfo, error) {
	f, err := t.root.OpenFile(at.text(), flags|openFlags, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = t.openShut(at, flags, err)
	}
	if err != nil {
		return nil, nil, t.notRegularInstead(at, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = at.fail(runtimes.CodeNotRegularFile, notRegular)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// openShut opens a file that its owner may not write. It has its mode again
// before anything is written.
func (t *Tree) openShut(at location, flags int, denied error) (*os.File, error) {
	info, err := t.root.Stat(at.text())
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o200 != 0 {
		return nil, denied
	}
	if err := t.root.Chmod(at.text(), info.Mode().Perm()|0o200); err != nil {
		return nil, denied
	}
	f, err := t.root.OpenFile(at.text(), flags|openFlags, 0)
	if err != nil {
		return nil, errors.Join(err, t.root.Chmod(at.text(), info.Mode().Perm()))
	}
	if err := f.Chmod(info.Mode().Perm()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// overwrite gives a file of size bytes other content. Want of space shows
// before a byte has changed, since all of it is reserved first; a file that
// gets shorter is cut last.
func (t *Tree) overwrite(f *os.File, size int64, content []byte) error {
	return overwriteWith(f, size, content, func(f *os.File, length int64) error {
		if err := t.charge.to(f, 0, length); err != nil {
			return err
		}
		return Reserve(f, 0, length)
	})
}

func overwriteWith(f *os.File, size int64, content []byte, reserve func(*os.File, int64) error) error {
	length := int64(len(content))
	if length == 0 {
		return f.Truncate(0)
	}
	err := reserve(f, length)
	grown := size
	if errors.Is(err, errors.ErrUnsupported) && length > size {
		// The file system cannot reserve, but what the file grows by can be
		// written first.
		var n int
		n, err = f.WriteAt(content[size:], size)
		grown += int64(n)
		content = content[:size]
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		// What was taken before space ran out is given back, unless a program
		// has written to the file meanwhile: its bytes are not ours to cut.
		if after, statErr := f.Stat(); statErr == nil && after.Size() == grown {
			err = errors.Join(err, f.Truncate(size))
		}
		return err
	}
	if _, err := f.WriteAt(content, 0); err != nil {
		return err
	}
	if length < size {
		return f.Truncate(length)
	}
	return nil
}

// appendTo adds to the end of a file of size bytes. When space runs out the
// file gets its old length back, unless a program has written to it meanwhile:
// its bytes are not ours to cut.
func (t *Tree) appendTo(f *os.File, size int64, content []byte) error {
	if err := t.charge.to(f, size, int64(len(content))); err != nil {
		return err
	}
	n, err := f.Write(content)
	if err == nil {
		return nil
	}
	after, statErr := f.Stat()
	if n > 0 && statErr == nil && after.Size() == size+int64(n) {
		err = errors.Join(err, f.Truncate(size))
	}
	return err
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
