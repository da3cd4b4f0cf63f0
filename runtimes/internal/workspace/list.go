package workspace

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
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
// A pattern that is none is an error that is no FileError.
func (t *Tree) ListDirectory(ctx context.Context, cmd runtimes.ListDirectory) (runtimes.Listing, error) {
	at, err := t.begin(ctx, cmd.Path)
	if err != nil {
		return runtimes.Listing{}, err
	}
	pattern, err := runtimes.ParsePattern(cmd.Pattern)
	if err != nil {
		return runtimes.Listing{}, fmt.Errorf("pattern %q: %w", cmd.Pattern, err)
	}
	if cmd.Limit <= 0 {
		cmd.Limit = runtimes.DefaultListLimit
	}
	cmd.Recursive = cmd.Recursive || pattern.Paths()
	shown := strings.TrimPrefix(at.name+"/", "./") // links in it are not resolved
	l := lister{tree: t, ctx: ctx, cmd: cmd, pattern: pattern, top: len(shown)}
	err = t.through(at, true, func(at location) error { return l.walk(t.root, at.text(), shown, 1, 0) })
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
	tree    *Tree
	ctx     context.Context
	cmd     runtimes.ListDirectory
	pattern runtimes.Pattern
	top     int // length of what the paths of all entries start with
	found   runtimes.Listing
	bytes   int // held
	visits  int
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
	batch, err := l.read(anchor, dir, shown, depth)
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
		if !info.IsDir() || !l.descends(shown+name, depth) {
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
func (l *lister) read(anchor *os.Root, dir, shown string, depth int) (*nameBatch, error) {
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
			if l.ctx.Err() != nil {
				return nil, context.Cause(l.ctx) // a pattern may be slow to match
			}
			switch {
			case l.hidden(name, shown):
			case l.matches(shown + name):
				batch.add(name)
			case l.descends(shown+name, depth) && isDirectory(anchor, below(dir, name)):
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

// matches takes the path of an entry as it is shown.
func (l *lister) matches(path string) bool { return l.pattern.Match(path[l.top:]) }

// descends reports whether the directory path is to be listed too.
func (l *lister) descends(path string, depth int) bool {
	return l.cmd.Recursive && (l.cmd.MaxDepth <= 0 || depth < l.cmd.MaxDepth) && l.pattern.Below(path[l.top:])
}

func isDirectory(anchor *os.Root, name string) bool {
	info, err := anchor.Lstat(name)
	return err == nil && info.IsDir()
}

// add puts an entry into the listing if it matches.
func (l *lister) add(info fs.FileInfo, shown string) error {
	if !l.matches(shown + info.Name()) {
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

// entryBytes is about what a name or an entry holds in memory besides its text.
const entryBytes = 128

// nameBatch keeps the smallest names of a directory of any size, so that a cut
// listing is the start of the whole one, and the branches: directories that do
// not match but may hold what does, which take no room in the listing.
type nameBatch struct {
	names    largestFirst
	limit    int // of names
	branches []string
	bytes    int
	dropped  bool // there were more names
}

func newNameBatch(limit int) *nameBatch { return &nameBatch{limit: max(limit, 1)} }

func (b *nameBatch) add(name string) {
	if len(b.names) == b.limit {
		b.dropped = true
		if name >= b.names[0] {
			return
		}
		b.bytes += len(name) - len(b.names[0])
		b.names[0] = name
		heap.Fix(&b.names, 0)
		return
	}
	b.bytes += len(name) + entryBytes
	heap.Push(&b.names, name)
}

func (b *nameBatch) addBranch(name string) {
	b.bytes += len(name) + entryBytes
	b.branches = append(b.branches, name)
}

// sorted returns the names in order. Branches behind the last of names that
// were dropped are left out: the listing ends before them. Call it once.
func (b *nameBatch) sorted() []string {
	branches := b.branches
	if b.dropped && len(b.names) > 0 {
		last := b.names[0]
		branches = slices.DeleteFunc(branches, func(name string) bool { return name > last })
	}
	all := append([]string(b.names), branches...)
	slices.Sort(all)
	return all
}

// largestFirst is a heap with the largest name on top.
type largestFirst []string

func (h largestFirst) Len() int           { return len(h) }
func (h largestFirst) Less(i, j int) bool { return h[i] > h[j] }
func (h largestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *largestFirst) Push(x any)        { *h = append(*h, x.(string)) }
func (h *largestFirst) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// entryOf describes a directory entry below shown.
func entryOf(info fs.FileInfo, shown string) runtimes.Entry {
	entry := runtimes.Entry{
		Name:       info.Name(),
		Path:       shown + info.Name(),
		Type:       runtimes.TypeOther,
		Mode:       uint32(info.Mode().Perm()),
		ModifiedAt: info.ModTime().UnixMilli(),
	}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		entry.Type, entry.Size = runtimes.TypeFile, info.Size()
	case mode.IsDir():
		entry.Type = runtimes.TypeDirectory
	case mode.Type() == fs.ModeSymlink:
		entry.Type = runtimes.TypeSymlink
	}
	return entry
}
