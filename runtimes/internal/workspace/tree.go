package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Tree runs file commands below one directory. Its methods are safe for
// use by several goroutines; what two commands on one path give is what the
// kernel makes of them, but never half a file.
type Tree struct {
	root    *os.Root
	options TreeOptions
	// escape is what os.Root says of a path that leads out. The value is not
	// exported by package os, so it is asked for once.
	escape error
	made   atomic.Uint64 // temporary names given out
	top    *os.File      // the directory itself
	swaps  bool          // exchange is faster than rename
	charge charging
	// maxCopy is TreeOptions.MaxCopyBytes.
	maxCopy atomic.Int64
}

var _ runtimes.Workspace = (*Tree)(nil)

// TreeOptions set up a Tree. The zero value leaves owners as they come and
// bounds copies by the device alone.
type TreeOptions struct {
	// Owner is given every file and directory made; nil keeps the process's.
	Owner *Owner
	// MaxCopyBytes is the most that one copy writes; zero is no bound. It is
	// for directories that no quota limits: a sparse file may claim exabytes.
	MaxCopyBytes int64
}

// Owner is a user and a group of the host.
type Owner struct{ UID, GID int }

// OpenTree opens the directory at dir, which must not be writable by programs
// above its last element.
func OpenTree(dir string, o TreeOptions) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	_, err = root.Lstat("..")
	var pathErr *os.PathError
	if !errors.As(err, &pathErr) {
		root.Close()
		return nil, fmt.Errorf("open workspace: os.Root lets .. pass: %v", err)
	}
	t := &Tree{root: root, options: o, escape: pathErr.Err, swaps: exchangePays(dir)}
	t.maxCopy.Store(o.MaxCopyBytes)
	if t.top, err = root.Open("."); err != nil {
		root.Close()
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	return t, nil
}

// Close frees the handles; the files stay. Later commands fail. Idempotent.
func (t *Tree) Close() error {
	t.top.Close()
	return t.root.Close()
}

// begin is the start of every command: it refuses a call whose caller has left,
// reads the path and opens the workspace if a program has shut it.
func (t *Tree) begin(ctx context.Context, path string) (location, error) {
	if err := context.Cause(ctx); err != nil {
		return location{}, err
	}
	at, err := locate(path)
	if err == nil {
		openUp(t.top)
	}
	return at, err
}

// ownerAccess is what the owner of a workspace needs to use it.
const ownerAccess fs.FileMode = 0o700

// openUp gives the owner of a workspace's top directory access to it again: a
// program's "chmod -R 644 ." takes it from all later programs and, where the
// server is no root, from file commands. Below, modes are the programs' own
// affair. What cannot be changed is left to the command to report.
func openUp(top *os.File) {
	if info, err := top.Stat(); err == nil && info.Mode().Perm()&ownerAccess != ownerAccess {
		_ = top.Chmod(info.Mode().Perm() | ownerAccess)
	}
}

// own gives an open file to the owner of the tree.
func (t *Tree) own(f *os.File) error {
	if o := t.options.Owner; o != nil {
		return f.Chown(o.UID, o.GID)
	}
	return nil
}

// ownName gives the entry name of root to the owner, without following it.
func (t *Tree) ownName(root *os.Root, name string) error {
	if o := t.options.Owner; o != nil {
		return root.Lchown(name, o.UID, o.GID)
	}
	return nil
}
