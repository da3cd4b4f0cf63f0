package workspace

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
)

// mustWrite makes a write and returns what the file is then.
func mustWrite(t *testing.T, tree *Tree, dir string, cmd runtimes.WriteFile) os.FileInfo {
	t.Helper()
	n, err := tree.WriteFile(t.Context(), cmd)
	if err != nil || n != int64(len(cmd.Content)) {
		t.Fatalf("write %s: %d, %v", cmd.Path, n, err)
	}
	if got := read(t, tree, cmd.Path); cmd.Mode == runtimes.Replace && got != string(cmd.Content) {
		t.Errorf("%s holds %q, want %q", cmd.Path, got, cmd.Content)
	}
	info, err := os.Stat(filepath.Join(dir, cmd.Path))
	must(t, err)
	return info
}

func TestAWriteKeepsModeLinksAndTargetOfAFile(t *testing.T) {
	for _, mode := range []os.FileMode{0o755, 0o600, 0o444, 0} {
		for _, content := range []string{"longer than it was before", "short", ""} {
			tree, dir := newTree(t)
			file := filepath.Join(dir, "real")
			must(t, os.WriteFile(file, []byte("what was here"), 0o644))
			must(t, os.Chmod(file, mode))
			must(t, os.Link(file, filepath.Join(dir, "other")))
			must(t, os.Symlink("real", filepath.Join(dir, "link")))
			before, err := os.Stat(file)
			must(t, err)
			asOrdinaryUserOwning(t, dir, []string{file}, func() {
				after, err := tree.WriteFile(t.Context(), runtimes.WriteFile{Path: "link", Content: []byte(content)})
				if err != nil || after != int64(len(content)) {
					t.Errorf("mode %v: wrote %d, %v", mode, after, err)
				}
			})
			after, err := os.Stat(filepath.Join(dir, "other"))
			must(t, err)
			if after.Mode().Perm() != mode || !os.SameFile(before, after) {
				t.Errorf("mode %v became %v, the same file: %v", mode, after.Mode(), os.SameFile(before, after))
			}
			must(t, os.Chmod(file, 0o600)) // so that an ordinary user reads what was written
			if got, err := os.ReadFile(filepath.Join(dir, "other")); err != nil || string(got) != content {
				t.Errorf("the other link holds %q, %v", got, err)
			}
			if info, err := os.Lstat(filepath.Join(dir, "link")); err != nil || info.Mode().Type() != os.ModeSymlink {
				t.Errorf("the symlink became %v, %v", info.Mode(), err)
			}
		}
	}
}

func TestExecutableIsSetTakenAwayOrLeft(t *testing.T) {
	for _, atomic := range []bool{false, true} {
		for _, writing := range []runtimes.WriteMode{runtimes.Replace, runtimes.Append} {
			if atomic && writing == runtimes.Append {
				continue
			}
			for _, c := range []struct {
				before     os.FileMode // 0 is not there
				executable *bool
				after      os.FileMode
			}{
				{0, nil, 0o644}, {0, new(false), 0o644}, {0, new(true), 0o755},
				{0o644, nil, 0o644}, {0o644, new(true), 0o755}, {0o600, new(true), 0o700}, {0o640, new(true), 0o750},
				{0o755, nil, 0o755}, {0o755, new(false), 0o644}, {0o711, new(false), 0o600},
			} {
				tree, dir := newTree(t)
				if c.before != 0 {
					must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o600))
					must(t, os.Chmod(filepath.Join(dir, "f"), c.before))
				}
				info := mustWrite(t, tree, dir, runtimes.WriteFile{Path: "f", Content: []byte("new"), Mode: writing, Executable: c.executable, Atomic: atomic})
				if info.Mode().Perm() != c.after {
					t.Errorf("write mode %d, atomic %v: %v became %v, want %v", writing, atomic, c.before, info.Mode(), c.after)
				}
			}
		}
	}
}

func TestAnAtomicWriteIsAnotherFileOfTheSameMode(t *testing.T) {
	tree, dir := newTree(t)
	file := filepath.Join(dir, "real")
	must(t, os.WriteFile(file, []byte("old"), 0o600))
	must(t, os.Link(file, filepath.Join(dir, "other")))
	must(t, os.Symlink("real", filepath.Join(dir, "link")))
	open, err := os.Open(file)
	must(t, err)
	defer open.Close()
	info := mustWrite(t, tree, dir, runtimes.WriteFile{Path: "link", Content: []byte("new"), Atomic: true})
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	was := make([]byte, 8)
	if n, _ := open.Read(was); string(was[:n]) != "old" {
		t.Errorf("who had the old file open reads %q", was[:n])
	}
	if got, err := os.ReadFile(filepath.Join(dir, "other")); err != nil || string(got) != "old" {
		t.Errorf("the other hard link holds %q, %v", got, err)
	}
}

// A tool like node --watch follows a file, not a name.
func TestWhoWatchesAFileSeesEveryWrite(t *testing.T) {
	tree, dir := newTree(t)
	write(t, tree, "watched", "first")
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	must(t, err)
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, filepath.Join(dir, "watched"), unix.IN_CLOSE_WRITE|unix.IN_MODIFY)
	must(t, err)
	for _, content := range []string{"second", "a third one, which is longer", "4", "", "fifth"} {
		write(t, tree, "watched", content)
		seen := events(t, fd)
		if !slices.Contains(seen, unix.IN_MODIFY) || !slices.Contains(seen, unix.IN_CLOSE_WRITE) {
			t.Errorf("of the write of %q: %x", content, seen)
		}
	}
}

// events are the masks that wait in an inotify descriptor.
func events(t *testing.T, fd int) (masks []uint32) {
	t.Helper()
	buffer := make([]byte, 64*unix.SizeofInotifyEvent)
	n, err := unix.Read(fd, buffer)
	if err == unix.EAGAIN {
		return nil
	}
	must(t, err)
	for at := 0; at+unix.SizeofInotifyEvent <= n; {
		event := (*unix.InotifyEvent)(unsafe.Pointer(&buffer[at]))
		masks = append(masks, event.Mask)
		at += unix.SizeofInotifyEvent + int(event.Len)
	}
	return masks
}

func TestALackOfSpaceLeavesTheOldContentWhole(t *testing.T) {
	m := newManager(t, Options{})
	needQuota(t, m)
	d := newDirectory(t, m, CreateOptions{Session: "n1.space", DiskBytes: 2 << 20})
	old := make([]byte, 1<<20)
	for i := range old {
		old[i] = byte(i % 251)
	}
	write(t, d, "kept", string(old))
	holes := filepath.Join(d.Path(), "holes")
	must(t, os.WriteFile(holes, []byte("start"), 0o644))
	must(t, os.Truncate(holes, 8<<20))
	free := func() uint64 {
		var fs unix.Statfs_t
		must(t, unix.Statfs(d.Path(), &fs))
		return fs.Bfree
	}
	before := free()
	for _, name := range []string{"kept", "holes"} {
		was, err := os.ReadFile(filepath.Join(d.Path(), name))
		must(t, err)
		_, err = d.WriteFile(t.Context(), runtimes.WriteFile{Path: name, Content: make([]byte, 3<<20)})
		wantCode(t, err, runtimes.CodeNoSpace)
		if is, err := os.ReadFile(filepath.Join(d.Path(), name)); err != nil || string(is) != string(was) {
			t.Errorf("%s has %d bytes, had %d, %v", name, len(is), len(was), err)
		}
	}
	if after := free(); after != before {
		t.Errorf("%d pages were free, now %d", before, after)
	}
	// In place two contents need no room for both.
	write(t, d, "kept", string(make([]byte, 3<<19)))
}

func TestAWriteInPlaceNeedsNoReservation(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	must(t, err)
	defer f.Close()
	for _, content := range []string{"first", "second and longer", "3"} {
		info, err := f.Stat()
		must(t, err)
		must(t, overwriteWith(f, info.Size(), []byte(content), func(*os.File, int64) error { return unix.EOPNOTSUPP }))
		if got, err := os.ReadFile(f.Name()); err != nil || string(got) != content {
			t.Errorf("holds %q, want %q, %v", got, content, err)
		}
	}
}

func TestACopyOverAFileKeepsItsMode(t *testing.T) {
	tree, dir := newTree(t)
	write(t, tree, "from/tool", "new")
	write(t, tree, "to/tool", "old")
	for _, mode := range []os.FileMode{0o755, 0o600} {
		must(t, os.Chmod(filepath.Join(dir, "to/tool"), mode))
		_, err := tree.CopyFile(t.Context(), runtimes.CopyFile{Source: "from/tool", Destination: "to/tool", Overwrite: true})
		must(t, err)
		must(t, copyAll(t, tree, "from", "to", true))
		if info, err := os.Stat(filepath.Join(dir, "to/tool")); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%v became %v, %v", mode, info.Mode(), err)
		}
	}
}
