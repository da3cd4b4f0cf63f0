package workspace

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// temporaryPrefix starts the names under which commands prepare what they
// write. It belongs to this package: listings do not show such names in the
// top directory and Recover removes them.
const temporaryPrefix = ".codebeaker-tmp-"

// temporaryMark keeps two processes on one workspace apart.
var temporaryMark = rand.Text()[:8]

func isTemporary(name string) bool { return strings.HasPrefix(name, temporaryPrefix) }

func (t *Tree) temporaryName() string {
	return fmt.Sprintf("%s%s-%d", temporaryPrefix, temporaryMark, t.made.Add(1))
}

// createTemporary makes an empty file under a new name in the top directory,
// which only the server may open until it is handed over.
func (t *Tree) createTemporary() (string, *os.File, error) {
	name := t.temporaryName()
	f, err := t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return name, f, err
}

// finish sets mode and owner of a file that is complete and closes it. prior
// is what went wrong before, if anything did.
func (t *Tree) finish(f *os.File, mode fs.FileMode, prior error) error {
	if prior == nil {
		prior = f.Chmod(mode)
	}
	if prior == nil {
		prior = t.own(f)
	}
	return errors.Join(prior, f.Close())
}

// discard removes a temporary, file or tree, whether the caller has left or
// not.
func (t *Tree) discard(name string) {
	// Failing here leaves a hidden file that Recover or Close removes.
	_ = t.removeAll(context.Background(), t.root, name)
}

// Recover removes the temporaries of commands that a kill cut short. Call it
// before the tree is used: it does not know a live command from a dead one.
func (t *Tree) Recover(ctx context.Context) error {
	top, err := t.root.Open(".")
	if err != nil {
		return err
	}
	defer top.Close()
	for {
		names, err := top.Readdirnames(directoryBatch)
		for _, name := range names {
			if !isTemporary(name) {
				continue
			}
			if err := t.removeAll(ctx, t.root, name); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// swap puts a finished temporary in the place of a target, in one step. Over a
// file that is there ext4 flushes the data of a rename to disk, about 1 ms, but
// not that of an exchange (RENAME_EXCHANGE, rename(2)), about 0.1 ms; the old
// file is then removed under the temporary name. On tmpfs the rename is the
// faster one.
func (t *Tree) swap(temporary string, to target) error {
	if !t.swaps || to.info == nil {
		return t.root.Rename(temporary, to.name)
	}
	parent, err := t.root.Open(path.Dir(to.name) + "/.")
	if err != nil {
		return err
	}
	defer parent.Close()
	name := path.Base(to.name)
	if err := exchange(t.top, temporary, parent, name); err != nil {
		// The file is gone, or the file system cannot do it.
		return t.root.Rename(temporary, to.name)
	}
	if old, err := t.root.Lstat(temporary); err == nil && old.IsDir() {
		// A program put a directory there a moment ago: it gets it back.
		return errors.Join(syscall.EISDIR, exchange(t.top, temporary, parent, name))
	}
	t.discard(temporary)
	return nil
}
