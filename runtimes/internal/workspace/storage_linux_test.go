package workspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/internal/diskimage"
)

// noImages is a host that has none.
type noImages struct{}

var errNoImages = errors.New("no loop devices")

func (noImages) Available() error                                  { return errNoImages }
func (noImages) Mount(context.Context, string, int64, int64) error { return errNoImages }

func TestAStorageHasAName(t *testing.T) {
	for _, storage := range []Storage{Auto, Memory, Disk} {
		if got, err := ParseStorage(storage.String()); err != nil || got != storage {
			t.Errorf("%v: %v, %v", storage, got, err)
		}
	}
	if _, err := ParseStorage("tape"); err == nil || !strings.Contains(err.Error(), "auto, memory, disk") {
		t.Errorf("an unknown one: %v", err)
	}
}

func TestOnlyWhatIsAskedForAndMoreThanTheShareIsOnDisk(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		storage Storage
		o       CreateOptions
		want    bool
	}{
		{Auto, CreateOptions{DiskBytes: 1024 * mb, MemoryBytes: 512 * mb}, false},
		{Auto, CreateOptions{DiskBytes: 1024 * mb, MemoryBytes: 512 * mb, Asked: true}, true},
		{Auto, CreateOptions{DiskBytes: 256 * mb, MemoryBytes: 512 * mb, Asked: true}, false},
		{Auto, CreateOptions{DiskBytes: 1024 * mb, Asked: true}, false},
		{Memory, CreateOptions{DiskBytes: 1024 * mb, MemoryBytes: 512 * mb, Asked: true}, false},
		{Disk, CreateOptions{DiskBytes: 16 * mb, MemoryBytes: 512 * mb}, true},
	} {
		if got := c.storage.WantsDisk(&c.o); got != c.want {
			t.Errorf("%v, %+v: on disk is %v", c.storage, c.o, got)
		}
	}
}

func TestAHostWithoutImagesGivesTheShareOfMemoryAndSaysSo(t *testing.T) {
	m := newManager(t, Options{Images: noImages{}})
	needQuota(t, m)
	d := newDirectory(t, m, CreateOptions{Session: "s", DiskBytes: 64 << 20, MemoryBytes: 32 << 20, Asked: true})
	if disk, _ := d.Limits(); disk != 16<<20 {
		t.Errorf("%d bytes are in force", disk)
	}
	if possible, reason := m.OnDisk(); possible || reason != errNoImages.Error() {
		t.Errorf("on disk: %v, %q", possible, reason)
	}
	if scratch, err := d.Scratch(t.Context()); err != nil || scratch != nil {
		t.Errorf("in memory there are the directories %v, %v", scratch, err)
	}
	if _, err := New(Options{Dir: t.TempDir(), Mark: "test", Storage: Disk, Images: noImages{}}); !errors.Is(err, errNoImages) {
		t.Errorf("a server that is to have disks starts: %v", err)
	}
}

func TestPlainDirectoriesAreNoMemory(t *testing.T) {
	m := newManager(t, Options{Plain: true})
	d := newDirectory(t, m, CreateOptions{Session: "s"})
	if scratch, err := d.Scratch(t.Context()); err != nil || scratch == nil {
		t.Errorf("got %v, %v", scratch, err)
	}
	if _, err := New(Options{Dir: t.TempDir(), Mark: "test", Plain: true, Storage: Memory}); err == nil {
		t.Error("a server that is to have memory starts without a tmpfs")
	}
}

func TestASessionOnDiskIsApartFromOthersAndFreshForEachEnvironment(t *testing.T) {
	dir, err := os.MkdirTemp("/var/tmp", "workspace")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := newManager(t, Options{Dir: dir, Images: diskimage.New(dir, "test")})
	needQuota(t, m)
	if possible, reason := m.OnDisk(); !possible {
		t.Skip("no images here:", reason)
	}
	d := newDirectory(t, m, CreateOptions{Session: "s", DiskBytes: 64 << 20, MemoryBytes: 32 << 20, Asked: true})
	if disk, inodes := d.Limits(); disk != 64<<20 || inodes < scratchInodes {
		t.Errorf("limits %d bytes, %d files", disk, inodes)
	}
	write(t, d, "kept", "x")
	var before *Scratch
	for range 2 {
		s, err := d.Scratch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for path, mode := range map[string]os.FileMode{
			s.Home: 0o700 | os.ModeDir, s.Temporary: 0o777 | os.ModeSticky | os.ModeDir,
			filepath.Dir(s.Home): 0o710 | os.ModeDir, filepath.Dir(d.Path()): 0o710 | os.ModeDir,
		} {
			info, err := os.Lstat(path)
			if err != nil || info.Mode() != mode {
				t.Fatalf("%s: %v, %v", path, info.Mode(), err)
			}
		}
		if entries, err := os.ReadDir(s.Home); err != nil || len(entries) != 0 {
			t.Errorf("a new home has %v, %v", entries, err)
		}
		if err := os.WriteFile(filepath.Join(s.Home, "file"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if before != nil {
			if _, err := os.Lstat(before.Home); !os.IsNotExist(err) {
				t.Errorf("the home of the environment before: %v", err)
			}
		}
		before = s
	}
	if got := read(t, d, "kept"); got != "x" {
		t.Errorf("the workspace holds %q", got)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if points, _ := mountsBelow(dir); len(points) != 0 {
		t.Errorf("still mounted: %v", points)
	}
}
