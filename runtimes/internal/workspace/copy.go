package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/codebeaker/codebeaker/runtimes"
)

// copyChunk is how much is copied between two looks at the context.
const copyChunk = 1 << 20

// CopyFile copies a file, or with Recursive a directory, to exactly
// Destination, whose parent must be there. A copy has the permission bits of
// its source, or as with cp(1) those of the file that it replaces; owners are
// those of the tree. The copy is made complete before it is put in place,
// so that one that fails leaves nothing; a directory is then merged into one
// that is there, file by file.
func (t *Tree) CopyFile(ctx context.Context, cmd runtimes.CopyFile) (int64, error) {
	source, err := t.begin(ctx, cmd.Source)
	if err != nil {
		return 0, err
	}
	destination, err := locate(cmd.Destination)
	if err != nil {
		return 0, err
	}
	var copied int64
	err = t.throughBoth(source, destination, true, func(from, to location) (err error) {
		copied, err = t.copyTo(ctx, from, to, cmd)
		return err
	})
	return copied, err
}

func (t *Tree) copyTo(ctx context.Context, source, destination location, cmd runtimes.CopyFile) (int64, error) {
	info, err := t.root.Stat(source.text())
	if err != nil {
		return 0, t.explain(source, err)
	}
	switch {
	case info.IsDir() && !cmd.Recursive:
		return 0, source.fail(runtimes.CodeIsADirectory, "it is a directory, and recursive was not asked for")
	case info.IsDir():
		return t.copyTree(ctx, source, destination, info, cmd.Overwrite)
	case !info.Mode().IsRegular():
		return 0, source.fail(runtimes.CodeNotRegularFile, notRegular)
	}
	return t.copyOne(ctx, source, destination, cmd.Overwrite)
}

func (t *Tree) copyOne(ctx context.Context, source, destination location, overwrite bool) (int64, error) {
	to, err := t.fileTarget(destination)
	if err != nil {
		return 0, t.explain(destination, err)
	}
	if to.info != nil && !overwrite {
		return 0, t.explain(destination, fs.ErrExist)
	}
	in, size, err := t.openRegular(t.root, source)
	if err != nil {
		return 0, t.explain(source, err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return 0, err
	}
	if to.info != nil && os.SameFile(info, to.info) {
		return size, nil
	}
	name, out, err := t.createTemporary()
	if err != nil {
		return 0, t.explain(destination, err)
	}
	n, err := t.copyBytes(ctx, out, in, size, t.options.MaxCopyBytes)
	if err = t.finish(out, to.mode(info.Mode().Perm()), err); err == nil {
		if overwrite {
			err = t.swap(name, to)
		} else {
			err = t.place(name, to.name, false)
		}
	}
	if err != nil {
		t.discard(name)
		return 0, t.explain(destination, err)
	}
	return n, nil
}

// copyBytes copies the size bytes that a file had when it was opened: one that
// grows does not keep it going. limit is what may be written, zero any.
func (t *Tree) copyBytes(ctx context.Context, out, in *os.File, size, limit int64) (int64, error) {
	if limit > 0 && size > limit {
		return 0, errCopyLimit
	}
	var done int64
	for done < size {
		if err := context.Cause(ctx); err != nil {
			return done, err
		}
		n, err := io.CopyN(out, in, min(copyChunk, size-done))
		done += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// place puts a finished entry under its name. With overwrite a file that is
// there is replaced in one step; a directory never is.
func (t *Tree) place(from, to string, overwrite bool) error {
	if overwrite {
		return t.root.Rename(from, to)
	}
	// link(2), other than rename, fails when the name is taken, also by a
	// program a moment ago.
	err := t.root.Link(from, to)
	if err == nil {
		return t.root.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// A directory, or a file system without hard links.
	if _, err := t.root.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return t.root.Rename(from, to)
}

// merge puts the tree from in the place to, or its entries into the directory
// that is there. from and to are not followed.
func (t *Tree) merge(ctx context.Context, from, to string, overwrite bool) error {
	there, err := t.root.Lstat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return t.root.Rename(from, to)
	}
	if err != nil {
		return err
	}
	if !overwrite {
		return fs.ErrExist
	}
	here, err := t.root.Lstat(from)
	if err != nil {
		return err
	}
	if here.Mode().IsRegular() && there.Mode().IsRegular() {
		if err := t.root.Chmod(from, there.Mode().Perm()); err != nil {
			return err
		}
	}
	if !here.IsDir() || !there.IsDir() {
		return t.root.Rename(from, to)
	}
	names, err := readNames(t.root, from, maxCopyEntries)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := t.merge(ctx, path.Join(from, name), to+"/"+name, true); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return t.root.Remove(from)
}
