package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Scratch are directories on the host for the places of an environment besides
// the workspace. They lie beside it and share its room.
type Scratch struct {
	// Home belongs to the session's user alone; Temporary is for /tmp.
	Home, Temporary string
}

// scratchPrefix begins the names of the directories that hold them; a number
// follows.
const scratchPrefix = "scratch-"

// Scratch makes the scratch directories of a new environment; those of the one
// before it are removed, for nothing but the workspace outlives that. Where the
// workspace lives in memory it returns nil: each place is to get memory of its
// own there.
func (d *Directory) Scratch(ctx context.Context) (*Scratch, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inMemory {
		return nil, nil
	}
	if err := d.removeScratch(ctx); err != nil {
		return nil, fmt.Errorf("remove the scratch directories of %s: %w", d.session, err)
	}
	d.scratches++
	top := filepath.Join(d.base, fmt.Sprint(scratchPrefix, d.scratches))
	s := &Scratch{Home: filepath.Join(top, "home"), Temporary: filepath.Join(top, "tmp")}
	for _, made := range []struct {
		path string
		mode fs.FileMode
		uid  int
	}{{top, 0o710, 0}, {s.Home, 0o700, d.uid}, {s.Temporary, 0o777 | fs.ModeSticky, d.uid}} {
		err := os.Mkdir(made.path, 0o700)
		if err == nil && d.uid != 0 {
			err = os.Lchown(made.path, made.uid, d.uid)
		}
		if err == nil {
			err = os.Chmod(made.path, made.mode)
		}
		if err != nil {
			return nil, fmt.Errorf("make the scratch directories of %s: %w", d.session, err)
		}
	}
	return s, nil
}

// removeScratch removes all that were made before.
func (d *Directory) removeScratch(ctx context.Context) error {
	if d.scratches == 0 {
		return nil
	}
	tree, err := OpenTree(d.base, TreeOptions{})
	if err != nil {
		return err
	}
	defer tree.Close()
	entries, err := os.ReadDir(d.base)
	errs := []error{err}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), scratchPrefix) {
			errs = append(errs, tree.removeAll(ctx, tree.root, entry.Name()))
		}
	}
	return errors.Join(errs...)
}
