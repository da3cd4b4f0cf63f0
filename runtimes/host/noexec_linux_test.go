package host

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestADirectoryMountedNoexecIsNoticedEvenBeforeItIsMade(t *testing.T) {
	if mountedNoExec("/usr/share/codebeaker/none") {
		t.Error("/usr is mounted noexec, says the look at a directory in it")
	}
	if !mountedNoExec("/proc/none") { // proc(5) is mounted so everywhere
		var mount unix.Statfs_t
		if unix.Statfs("/proc", &mount); mount.Flags&unix.ST_NOEXEC != 0 {
			t.Error("not noticed")
		}
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOEXEC, ""); err != nil {
		t.Skipf("needs to mount: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if !mountedNoExec(filepath.Join(dir, "a", "b")) || !mountedNoExec(dir) {
		t.Error("not noticed")
	}
	if why := NoExec(dir); (why == "") != (os.Geteuid() == 0) {
		t.Errorf("told %q", why)
	}
}
