package workspace

import (
	"container/heap"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/runtimes"
)

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
		Name:       readable(info.Name()),
		Path:       readable(shown + info.Name()),
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
