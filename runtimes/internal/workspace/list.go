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

	"github.com/codebeaker/codebeaker/runtimes"
)

// Bounds of one listing beyond its Limit. A listing that meets one of them is
// truncated.
const (
	maxListBytes   = 64 << 20 // memory of the names in hand and the paths returned, roughly
	maxListVisits  = 2 << 20  // entries looked at
	anchorDistance = 32       // directories between two handles on the way down
)

// ListDirectory lists a directory in the order of names, each directory
// directly before what it holds. Links are not followed below Path. Entries
// whose path would pass 4096 bytes are left out, and Truncated says so.
// A pattern that path.Match does not know gives path.ErrBadPattern.
func (t *Tree) ListDirectory(ctx context.Context, cmd runtimes.ListDirectory) (runtimes.Listing, error) {
	at, err := t.begin(ctx, cmd.Path)
	if err != nil {
		return runtimes.Listing{}, err
	}
	if _, err := path.Match(cmd.Pattern, ""); err != nil {
		return runtimes.Listing{}, fmt.Errorf("pattern %q: %w", cmd.Pattern, err)
	}
	if cmd.Limit <= 0 {
		cmd.Limit = runtimes.DefaultListLimit
	}
	l := lister{tree: t, ctx: ctx, cmd: cmd}
	shown := strings.TrimPrefix(at.name+"/", "./")
	err = l.walk(t.root, at.text(), shown, 1, 0)
	if errors.Is(err, errListFull) {
		l.found.Truncated = true
		err = nil
	}
	if err != nil {
		return runtimes.Listing{}, t.explain(at, err)
	}
	return l.found, nil
}

// errListFull ends a walk that has met a bound.
var errListFull = errors.New("the listing is full")

type lister struct {
	tree   *Tree
	ctx    context.Context
	cmd    runtimes.ListDirectory
	found  runtimes.Listing
	bytes  int // held
	visits int
}

// walk lists dir, a path below anchor. shown is what the paths of its entries
// start with, depth that of its entries, and steps how far dir is from anchor.
func (l *lister) walk(anchor *os.Root, dir, shown string, depth, steps int) error {
	if steps == anchorDistance {
		// A way of 2000 elements is not walked from the top for each entry.
		near, err := l.tree.openDirectory(anchor, dir)
		if err != nil {
			return err
		}
		defer near.Close()
		anchor, dir, steps = near, ".", 0
	}
	batch, err := l.read(anchor, dir, shown)
	if err != nil {
		return err
	}
	held := batch.bytes
	for _, name := range batch.sorted() {
		info, err := anchor.Lstat(below(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a program removed it meanwhile
		}
		if err != nil {
			return err
		}
		if err := l.add(info, shown); err != nil {
			return err
		}
		if !l.descends(info, depth) {
			continue
		}
		start := shown + name + "/"
		if len(start)+maxName > maxPath {
			l.found.Truncated = true
			continue
		}
		err = l.walk(anchor, below(dir, name), start, depth+1, steps+1)
		if err != nil && !l.skips(err) {
			return err
		}
	}
	l.bytes -= held
	if batch.dropped {
		return errListFull
	}
	return nil
}

// skips tells what a directory that went away, became a link or may not be
// read does to the listing of the one above: nothing.
func (l *lister) skips(err error) bool {
	if errors.Is(err, fs.ErrPermission) {
		l.found.Truncated = true
		return true
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, l.tree.escape)
}

// below joins a directory, which may end in a slash, and a name in it.
func below(dir, name string) string {
	return strings.TrimPrefix(strings.TrimSuffix(dir, "/")+"/"+name, "./")
}

// read reads the names of one directory that matter: as many of the smallest
// as the listing can still take. Only those are looked at further, which
// spares a million calls in a directory of a million.
func (l *lister) read(anchor *os.Root, dir, shown string) (*nameBatch, error) {
	handle, err := anchor.OpenFile(below(dir, "."), os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	batch := newNameBatch(l.cmd.Limit - len(l.found.Entries))
	for {
		if err := context.Cause(l.ctx); err != nil {
			return nil, err
		}
		names, err := handle.Readdirnames(directoryBatch)
		for _, name := range names {
			switch {
			case l.hidden(name, shown):
			case l.matches(name):
				batch.add(name)
			case l.isBranch(anchor, below(dir, name)):
				batch.addBranch(name)
			}
		}
		l.visits += len(names)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if l.visits > maxListVisits || l.bytes+batch.bytes > maxListBytes {
			batch.dropped = true
			break
		}
	}
	l.bytes += batch.bytes
	return batch, nil
}

func (l *lister) hidden(name, shown string) bool {
	return l.cmd.SkipHidden && name[0] == '.' || shown == "" && isTemporary(name)
}

func (l *lister) matches(name string) bool {
	if l.cmd.Pattern == "" {
		return true
	}
	ok, _ := path.Match(l.cmd.Pattern, name) // a bad pattern was refused before
	return ok
}

// isBranch tells a directory that does not match but may hold what does.
func (l *lister) isBranch(anchor *os.Root, name string) bool {
	if !l.cmd.Recursive {
		return false
	}
	info, err := anchor.Lstat(name)
	return err == nil && info.IsDir()
}

func (l *lister) descends(info fs.FileInfo, depth int) bool {
	return l.cmd.Recursive && info.IsDir() && (l.cmd.MaxDepth <= 0 || depth < l.cmd.MaxDepth)
}

// add puts an entry into the listing if it matches.
func (l *lister) add(info fs.FileInfo, shown string) error {
	if !l.matches(info.Name()) {
		return nil
	}
	entry := entryOf(info, shown)
	l.bytes += len(entry.Path) + entryBytes
	if len(l.found.Entries) == l.cmd.Limit || l.bytes > maxListBytes {
		return errListFull
	}
	l.found.Entries = append(l.found.Entries, entry)
	return nil
}
