package diskimage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newMaker skips where no image can be had.
func newMaker(t testing.TB) *Maker {
	t.Helper()
	// Not below /tmp, which is a tmpfs on many machines.
	dir, err := os.MkdirTemp("/var/tmp", "diskimage")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := New(dir, "test")
	if err := m.Available(); err != nil {
		t.Skip("no images here:", err)
	}
	return m
}

func mounted(t testing.TB, m *Maker, bytes, inodes int64) string {
	t.Helper()
	target := t.TempDir()
	if err := m.Mount(t.Context(), target, bytes, inodes); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(target, unix.MNT_DETACH) })
	return target
}

// backing lists the loop devices whose files lie in the Maker's directory.
func backing(t testing.TB, m *Maker) []string {
	t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(text), m.dir+"/") {
			found = append(found, file)
		}
	}
	return found
}

func TestAnImageHasTheRoomAskedForAndNothingIsLeftOfIt(t *testing.T) {
	m := newMaker(t)
	for _, c := range []struct{ bytes, inodes int64 }{{16 << 20, 2048}, {300 << 20, 50_000}, {2 << 30, 280_000}} {
		target := mounted(t, m, c.bytes, c.inodes)
		var fs unix.Statfs_t
		if err := unix.Statfs(target, &fs); err != nil {
			t.Fatal(err)
		}
		free := int64(fs.Bavail) * fs.Bsize
		t.Logf("%d bytes asked for: %d free of %d, %d files", c.bytes, free, int64(fs.Blocks)*fs.Bsize, fs.Ffree)
		if free < c.bytes || free > c.bytes+slack*blockSize || int64(fs.Ffree) < c.inodes-16 {
			t.Errorf("%d bytes and %d files asked for: %d and %d free", c.bytes, c.inodes, free, fs.Ffree)
		}
		if fs.Flags&(unix.ST_NOSUID|unix.ST_NODEV) != unix.ST_NOSUID|unix.ST_NODEV {
			t.Errorf("mounted with the flags %#x", fs.Flags)
		}
		if err := os.WriteFile(filepath.Join(target, "file"), make([]byte, 8<<20), 0o600); err != nil {
			t.Error(err)
		}
		if devices := backing(t, m); len(devices) != 1 {
			t.Errorf("in use: %v", devices)
		}
		if left, _ := os.ReadDir(m.dir); len(left) != 0 {
			t.Errorf("the file has a name: %v", left)
		}
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Second); len(backing(t, m)) > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("still in use: %v", backing(t, m))
			}
		}
	}
}

func TestAnImageIsEmptyWhateverTheOneBeforeHeld(t *testing.T) {
	m := newMaker(t)
	for i := range 3 {
		target := mounted(t, m, 16<<20, 1024)
		entries, err := os.ReadDir(target)
		if err != nil || len(entries) != 1 || entries[0].Name() != "lost+found" {
			t.Errorf("image %d holds %v, %v", i, entries, err)
		}
		if err := os.WriteFile(filepath.Join(target, fmt.Sprint("file", i)), []byte("secret"), 0o600); err != nil {
			t.Error(err)
		}
	}
}

func TestAnImageThatTheHostHasNoRoomForIsRefused(t *testing.T) {
	m := newMaker(t)
	var fs unix.Statfs_t
	if err := unix.Statfs(m.dir, &fs); err != nil {
		t.Fatal(err)
	}
	free := int64(fs.Bavail) * fs.Bsize
	err := m.spare(free - leastSpare/2)
	if !errors.Is(err, ErrNoRoom) {
		t.Errorf("all but half of the spare room: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Mount(ctx, t.TempDir(), 16<<20, 1024); !errors.Is(err, context.Canceled) || len(backing(t, m)) != 0 {
		t.Errorf("a caller that left: %v, devices %v", err, backing(t, m))
	}
}

func TestADirectoryInMemoryIsNoDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a tmpfs")
	}
	dir := t.TempDir()
	if err := unix.Mount("test", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("no tmpfs:", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if err := New(dir, "test").Available(); !errors.Is(err, ErrInMemory) {
		t.Errorf("got %v", err)
	}
}

// BenchmarkMount is what an image costs whose size was asked for before: made,
// mounted, unmounted.
func BenchmarkMount(b *testing.B) {
	for _, mb := range []int64{1 << 10, 2 << 10, 16 << 10} {
		b.Run(fmt.Sprint(mb, "MB"), func(b *testing.B) {
			m := newMaker(b)
			target := b.TempDir()
			var mount, end time.Duration
			for b.Loop() {
				begin := time.Now()
				if err := m.Mount(b.Context(), target, mb<<20, mb<<7); err != nil {
					b.Fatal(err)
				}
				mount += time.Since(begin)
				begin = time.Now()
				if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
					b.Fatal(err)
				}
				end += time.Since(begin)
			}
			b.ReportMetric(float64(mount.Microseconds())/1000/float64(b.N), "mount-ms")
			b.ReportMetric(float64(end.Microseconds())/1000/float64(b.N), "end-ms")
		})
	}
}
