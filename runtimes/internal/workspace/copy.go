package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"unicode/utf8"

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
	n, err := t.copyBytes(ctx, out, in, size, t.maxCopy.Load())
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
	if err := t.charge.to(out, 0, size); err != nil {
		return 0, err
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

// Bounds of a recursive copy. Each level holds two handles.
const (
	maxCopyDepth   = 128
	maxCopyEntries = 200_000
)

var (
	errCopyLimit   = fmt.Errorf("the copy is larger than the workspace may be: %w", syscall.ENOSPC)
	errCopyDepth   = errors.New("the directory is deeper than 128 levels")
	errCopyEntries = errors.New("the directory holds more than 200000 entries")
)

func (t *Tree) copyTree(ctx context.Context, source, destination location, info fs.FileInfo, overwrite bool) (int64, error) {
	to, err := t.follow(destination.name)
	if err != nil {
		return 0, t.explain(destination, err)
	}
	if to.info != nil && !overwrite {
		return 0, t.explain(destination, fs.ErrExist)
	}
	if to.info != nil && !to.info.IsDir() {
		return 0, t.explain(destination, syscall.ENOTDIR)
	}
	if t.leadsInto(info, destination) {
		return 0, destination.fail(runtimes.CodeIsADirectory, intoItself)
	}
	from, err := t.openDirectory(t.root, source.name)
	if err != nil {
		return 0, t.explain(source, err)
	}
	defer from.Close()

	name := t.temporaryName()
	c := copier{tree: t, ctx: ctx, entries: maxCopyEntries, limit: t.maxCopy.Load(), top: source.isTop()}
	if err := c.directory(from, t.root, name, info, 0); err != nil {
		t.discard(name)
		return 0, t.explain(c.blame(source, err), err)
	}
	if err := t.merge(ctx, name, to.name, overwrite); err != nil {
		t.discard(name)
		if errors.Is(err, fs.ErrExist) && to.info != nil {
			// Inside the destination a directory has the name of a file.
			err = syscall.EISDIR
		}
		return 0, t.explain(destination, err)
	}
	return c.bytes, nil
}

// leadsInto reports whether a destination is the directory itself or lies in
// it, under any name that its own elements lead to.
func (t *Tree) leadsInto(dir fs.FileInfo, destination location) bool {
	for name := destination.name; ; name = path.Dir(name) {
		if info, err := t.root.Stat(name); err == nil && os.SameFile(dir, info) {
			return true
		}
		if name == "." {
			return false
		}
	}
}

// copier copies one tree.
type copier struct {
	tree    *Tree
	ctx     context.Context
	entries int   // that it may still make
	limit   int64 // bytes in all; 0 is any
	bytes   int64
	top     bool   // the source is the workspace itself
	at      string // what it failed on, below the source
}

// blame names what a copy failed on, and states the bounds as FileErrors.
func (c *copier) blame(source location, err error) location {
	if c.at != "" {
		source.asked = path.Join(source.asked, readable(c.at))
	}
	return source
}

// directory copies the directory from to a new one, name in to.
func (c *copier) directory(from, to *os.Root, name string, info fs.FileInfo, depth int) error {
	if depth == maxCopyDepth {
		return &runtimes.FileError{Code: runtimes.CodeTooLarge, Path: c.at, Message: errCopyDepth.Error()}
	}
	if err := to.Mkdir(name, 0o700); err != nil {
		return err
	}
	into, err := c.tree.openDirectory(to, name)
	if err != nil {
		return err
	}
	defer into.Close()
	names, err := readNames(from, ".", c.entries)
	if err != nil {
		return err
	}
	c.entries -= len(names)
	within := c.at
	for _, entry := range names {
		if depth == 0 && c.top && isTemporary(entry) {
			continue
		}
		c.at = path.Join(within, entry)
		if err := c.entry(from, into, entry, depth); err != nil {
			return err
		}
	}
	c.at = within
	if err := to.Chmod(name, info.Mode().Perm()); err != nil {
		return err
	}
	return c.tree.ownName(to, name)
}

func (c *copier) entry(from, into *os.Root, name string, depth int) error {
	if err := context.Cause(c.ctx); err != nil {
		return err
	}
	info, err := from.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a program removed it meanwhile
	}
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		below, err := c.tree.openDirectory(from, name)
		if err != nil {
			return err
		}
		defer below.Close()
		return c.directory(below, into, name, info, depth+1)
	case info.Mode().Type() == fs.ModeSymlink:
		return c.link(from, into, name)
	case info.Mode().IsRegular():
		return c.file(from, into, name, info)
	}
	return location{asked: c.at}.fail(runtimes.CodeNotRegularFile, notRegular)
}

func (c *copier) link(from, into *os.Root, name string) error {
	text, err := from.Readlink(name)
	if err != nil {
		return err
	}
	if err := into.Symlink(text, name); err != nil {
		return err
	}
	return c.tree.ownName(into, name)
}

func (c *copier) file(from, into *os.Root, name string, info fs.FileInfo) error {
	in, size, err := c.tree.openRegular(from, location{asked: c.at, name: name})
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := into.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	left := c.limit - c.bytes
	if c.limit > 0 && left <= 0 && size > 0 {
		out.Close()
		return errCopyLimit
	}
	n, err := c.tree.copyBytes(c.ctx, out, in, size, max(left, 0))
	c.bytes += n
	return c.tree.finish(out, info.Mode().Perm(), err)
}

// readNames reads all names of a directory that has no more than limit.
func readNames(root *os.Root, dir string, limit int) ([]string, error) {
	handle, err := root.Open(dir + "/.")
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	names, err := handle.Readdirnames(limit + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > limit {
		return nil, &runtimes.FileError{Code: runtimes.CodeTooLarge, Path: dir, Message: errCopyEntries.Error()}
	}
	return names, nil
}

// readable shows bytes that are not UTF-8 as \xNN and leaves every valid name
// as it is.
func readable(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		r, size := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[0])
		} else {
			b.WriteString(name[:size])
		}
		name = name[size:]
	}
	return b.String()
}
