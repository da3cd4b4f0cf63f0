package workspace

import (
	"context"
	"errors"
	"io/fs"
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
	_, err = f.Write(content)
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
