package host

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhatIsShortIsSaid(t *testing.T) {
	if why := shortOfDescriptors(); why != "" {
		t.Errorf("with this process' descriptors: %s", why)
	}
	var had unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &had); err != nil {
		t.Fatal(err)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for left, want := range map[int]string{leastDescriptors / 2: "files open and has", -len(open): "none may be left"} {
		limit := unix.Rlimit{Cur: uint64(len(open) + left), Max: had.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		why := shortOfDescriptors()
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &had); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(why, want) {
			t.Errorf("with %d left: %q", left, why)
		}
	}
}

func TestADiskWithoutRoomIsShort(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it mounts a tmpfs")
	}
	for options, want := range map[string]string{"size=1m": "1 MB left", "size=1g,nr_inodes=100": "files", "size=1g": ""} {
		dir := t.TempDir()
		if err := unix.Mount("short", dir, "tmpfs", 0, options); err != nil {
			t.Skipf("no tmpfs can be mounted here: %v", err)
		}
		why := shortOfDisk(dir)
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
		if (why == "") != (want == "") || !strings.Contains(why, want) {
			t.Errorf("%s: %q", options, why)
		}
	}
}
