package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Tree carries out file commands below one directory. Its methods are safe for
// use by several goroutines; what two commands on one path give is what the
// kernel makes of them, but never half a file.
type Tree struct {
	root    *os.Root
	options TreeOptions
	// escape is what os.Root says of a path that leads out. The value is not
	// exported by package os, so it is asked for once.
	escape error
	made   atomic.Uint64 // temporary names given out
	swaps  *os.File      // the top directory where exchange is faster than rename, else nil
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
	t := &Tree{root: root, options: o, escape: pathErr.Err}
	if exchangePays(dir) {
		if t.swaps, err = root.Open("."); err != nil {
			root.Close()
			return nil, fmt.Errorf("open workspace: %w", err)
		}
	}
	return t, nil
}

// Close frees the handle; the files stay. Later commands fail. Idempotent.
func (t *Tree) Close() error {
	if t.swaps != nil {
		t.swaps.Close()
	}
	return t.root.Close()
}

// begin is the start of every command: it refuses a call whose caller has left
// and reads the path.
func (t *Tree) begin(ctx context.Context, path string) (location, error) {
	if err := context.Cause(ctx); err != nil {
		return location{}, err
	}
	return locate(path)
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
