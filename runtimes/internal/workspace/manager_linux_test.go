package workspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func newManager(t testing.TB, o Options) *Manager {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "workspaces")
	}
	o.Mark = "test"
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func newDirectory(t testing.TB, m *Manager, o CreateOptions) *Directory {
	t.Helper()
	d, err := m.Create(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func needQuota(t testing.TB, m *Manager) {
	t.Helper()
	if ok, why := m.Quota(); !ok {
		t.Skip("no tmpfs per session: " + why)
	}
}

func TestAWorkspaceHasTheSizeAskedForAndNoMore(t *testing.T) {
	m := newManager(t, Options{})
	needQuota(t, m)
	d := newDirectory(t, m, CreateOptions{Session: "n1.full", DiskBytes: 8 << 20, MemoryBytes: 4 << 20, Inodes: 64})
	if disk, inodes := d.Limits(); disk != 2<<20 || inodes != 64 {
		t.Errorf("limits %d bytes, %d inodes", disk, inodes)
	}
	ctx := context.Background()
	write(t, d, "kept", "old")
	big := make([]byte, 3<<20)
	_, err := d.WriteFile(ctx, runtimes.WriteFile{Path: "kept", Content: big})
	wantCode(t, err, runtimes.CodeNoSpace)
	if got := read(t, d, "kept"); got != "old" {
		t.Errorf("a write that failed left %d bytes", len(got))
	}
	_, err = d.WriteFile(ctx, runtimes.WriteFile{Path: "kept", Content: big, Mode: runtimes.Append})
	wantCode(t, err, runtimes.CodeNoSpace)
	if got := read(t, d, "kept"); got != "old" {
		t.Errorf("an append that failed left %d bytes", len(got))
	}
	entries, err := os.ReadDir(d.Path())
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := d.Resize(16<<20, 16<<20, false); err != nil {
		t.Fatal(err)
	}
	if disk, inodes := d.Limits(); disk != 8<<20 || inodes != 64 {
		t.Errorf("after Resize %d bytes, %d inodes", disk, inodes)
	}
	if _, err := d.WriteFile(ctx, runtimes.WriteFile{Path: "kept", Content: big}); err != nil {
		t.Error(err)
	}
	if err := d.Resize(1<<20, 0, false); err == nil {
		t.Error("a workspace shrank below what is in it")
	}
}

func TestFilesBelongToTheSession(t *testing.T) {
	m := newManager(t, Options{})
	d := newDirectory(t, m, CreateOptions{Session: "n1.owner"})
	write(t, d, "a/b/file", "x")
	if err := d.CreateDirectory(t.Context(), runtimes.CreateDirectory{Path: "made"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CopyFile(t.Context(), runtimes.CopyFile{Source: "a", Destination: "copy", Recursive: true}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", "a", "a/b", "a/b/file", "made", "copy", "copy/b", "copy/b/file"} {
		info, err := os.Lstat(filepath.Join(d.Path(), name))
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); int(stat.Uid) != d.UID() || int(stat.Gid) != d.GID() {
			t.Errorf("%s belongs to %d:%d, want %d:%d", name, stat.Uid, stat.Gid, d.UID(), d.GID())
		}
	}
}

func TestNoTwoSessionsShareAUID(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "uids")
	o := Options{FirstUID: 300_000, LastUID: 300_002, UIDLock: lock}
	one, two := newManager(t, o), newManager(t, o)
	if !one.OwnUID() {
		t.Skip("the server is not root")
	}
	seen := map[int]bool{}
	for i, m := range []*Manager{one, two, one} {
		d := newDirectory(t, m, CreateOptions{Session: string(rune('a' + i))})
		if seen[d.UID()] {
			t.Errorf("uid %d twice", d.UID())
		}
		seen[d.UID()] = true
	}
	if _, err := two.Create(t.Context(), CreateOptions{Session: "z"}); !errors.Is(err, ErrNoUID) {
		t.Errorf("a fourth of three: %v", err)
	}
	if _, err := os.Stat(filepath.Join(two.options.Dir, "z")); !os.IsNotExist(err) {
		t.Errorf("a failed create left something: %v", err)
	}
	one.live["a"].Close()
	if _, err := two.Create(t.Context(), CreateOptions{Session: "z"}); err != nil {
		t.Errorf("after one was given back: %v", err)
	}
	two.live["z"].Close()
}

func TestCloseRemovesAWorkspaceInUse(t *testing.T) {
	m := newManager(t, Options{})
	d := newDirectory(t, m, CreateOptions{Session: "n1.busy"})
	write(t, d, "open", "x")
	held, err := os.Open(filepath.Join(d.Path(), "open"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(m.options.Dir, "n1.busy")); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	if points, _ := mountsBelow(m.options.Dir); len(points) != 0 {
		t.Errorf("still mounted: %v", points)
	}
	again := newDirectory(t, m, CreateOptions{Session: "n1.busy"})
	if again.UID() == d.UID() && d.OwnUID() {
		t.Errorf("uid %d was given again at once", d.UID())
	}
}

func TestSweepRemovesWhatAnEarlierLifeLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "work spaces")
	dead := newManager(t, Options{Dir: dir})
	left := newDirectory(t, dead, CreateOptions{Session: "n1.left"})
	write(t, left, "a/b", "x")
	// The end of a server that was killed: only its handles are closed.
	left.Tree.Close()
	if _, err := New(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second server on one directory: %v", err)
	}
	dead.Close()

	m := newManager(t, Options{Dir: dir})
	alive := newDirectory(t, m, CreateOptions{Session: "n1.alive"})
	write(t, alive, "kept", "y")
	if err := m.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "n1.left")); !os.IsNotExist(err) {
		t.Errorf("not swept: %v", err)
	}
	if got := read(t, alive, "kept"); got != "y" {
		t.Errorf("a living session holds %q", got)
	}
	left.mounted = "" // its mount is gone
}
