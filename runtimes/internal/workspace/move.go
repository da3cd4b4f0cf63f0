package workspace

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sort"
	"strings"
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

// directoryMode of what the commands make.
const directoryMode fs.FileMode = 0o755

// CreateDirectory makes a directory with mode 0755 and the owner of the tree.
func (t *Tree) CreateDirectory(ctx context.Context, cmd runtimes.CreateDirectory) error {
	return t.do(ctx, cmd.Path, cmd.Recursive, func(at location) error {
		if at.dangling {
			return fs.ErrNotExist
		}
		if cmd.Recursive {
			return t.makeDirectories(at.name)
		}
		if at.slash {
			// mkdir("link/") would say "exists" of a link that leads out.
			if _, err := t.stat(at); t.isOutside(err) {
				return err
			}
		}
		return t.makeDirectory(t.root, at.name)
	})
}

func (t *Tree) makeDirectory(root *os.Root, name string) error {
	if err := root.Mkdir(name, directoryMode); err != nil {
		return err
	}
	// The process's umask may have taken bits away.
	if err := root.Chmod(name, directoryMode); err != nil {
		return err
	}
	return t.ownName(root, name)
}

// makeDirectories makes name and what is missing above it; a directory that is
// there is fine. The length of the way costs n log n opens, not n squared: a
// path may have 2048 elements.
func (t *Tree) makeDirectories(name string) error {
	parts := strings.Split(name, "/")
	prefix := func(n int) string { return strings.Join(parts[:n], "/") }
	there := sort.Search(len(parts), func(i int) bool {
		_, err := t.root.Stat(prefix(i + 1))
		return err != nil
	})
	if there < len(parts) {
		// A link that is broken, or leads out, is there and is not.
		if _, err := t.root.Lstat(prefix(there + 1)); err == nil {
			_, err = t.root.Stat(prefix(there + 1))
			return err
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	base, err := t.openDirectory(t.root, prefixOrTop(prefix(there)))
	if err != nil {
		if there == len(parts) && errors.Is(err, syscall.ENOTDIR) {
			return fs.ErrExist // a file has the name
		}
		return err
	}
	defer func() { base.Close() }()
	for _, part := range parts[there:] {
		if err := t.makeDirectory(base, part); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		next, err := t.openDirectory(base, part)
		if err != nil {
			return err
		}
		base.Close()
		base = next
	}
	return nil
}

func prefixOrTop(name string) string {
	if name == "" {
		return "."
	}
	return name
}

// openDirectory opens name below root as a root of its own. Root.OpenRoot on a
// FIFO would wait for a writer; "/." makes the kernel ask for a directory
// first. A symlink that stays below root is followed.
func (t *Tree) openDirectory(root *os.Root, name string) (*os.Root, error) {
	return root.OpenRoot(name + "/.")
}
