package workspace

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes"
)

// MoveFile renames an entry to exactly Destination, whose parent must be
// there. A link is moved itself, and one at the destination replaced, unless
// it leads out. A directory replaces an empty directory only.
func (t *Tree) MoveFile(ctx context.Context, cmd runtimes.MoveFile) error {
	source, err := t.begin(ctx, cmd.Source)
	if err != nil {
		return err
	}
	destination, err := locate(cmd.Destination)
	if err != nil {
		return err
	}
	return t.throughBoth(source, destination, false, func(from, to location) error {
		return t.moveTo(from, to, cmd.Overwrite)
	})
}

func (t *Tree) moveTo(source, destination location, overwrite bool) error {
	if source.isTop() {
		return source.fail(runtimes.CodePermissionDenied, "the workspace itself cannot be moved")
	}
	info, err := t.entry(source)
	if err != nil {
		return t.explain(source, err)
	}
	if destination.slash && !info.IsDir() {
		return t.explain(destination, errors.Join(t.linkOut(destination), syscall.ENOTDIR))
	}
	if info.IsDir() && source.contains(destination) {
		return destination.fail(runtimes.CodeIsADirectory, intoItself)
	}
	err = t.move(source, destination, info, overwrite)
	if errors.Is(err, syscall.EINVAL) {
		return destination.fail(runtimes.CodeIsADirectory, intoItself)
	}
	return t.explain(destination, err)
}

func (t *Tree) move(source, destination location, info fs.FileInfo, overwrite bool) error {
	if err := t.linkOut(destination); err != nil {
		return err
	}
	there, err := t.root.Lstat(destination.name)
	if errors.Is(err, fs.ErrNotExist) {
		if info.IsDir() || overwrite {
			return t.root.Rename(source.name, destination.name)
		}
		return t.place(source.name, destination.name, false)
	}
	switch {
	case err != nil:
		return err
	case !overwrite:
		return fs.ErrExist
	case source.name == destination.name:
		return nil
	case info.IsDir() && !there.IsDir():
		return syscall.ENOTDIR
	case !info.IsDir() && there.IsDir():
		return syscall.EISDIR
	case info.IsDir():
		// os.Root does not rename over a directory, even an empty one.
		if err := t.root.Remove(destination.name); err != nil {
			return err
		}
	}
	return t.root.Rename(source.name, destination.name)
}

// linkOut returns the escape error when a link that leads out has the name. A
// rename would replace the link and touch nothing outside, but who names it
// means what it points to.
func (t *Tree) linkOut(at location) error {
	at.slash = false
	if _, err := t.stat(at); t.isOutside(err) {
		return err
	}
	return nil
}
