package box

import (
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// host is where the host's root can be reached while a box is built.
const host = "/.host"

// enterEmptyRoot moves to a root on a new tmpfs with the host's root at host.
//
// The tmpfs is mounted on /tmp, which hides what the host has there only until
// pivot_root moves it away: sources below /tmp can be bound afterwards
// (pivot_root(2); the same order as bubblewrap's).
func enterEmptyRoot(bound Bound) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return step("make mounts private", "", err)
	}
	const base = "/tmp"
	if err := mountTmpfs(base, bound, "mode=755", 0); err != nil {
		return step("mount root", "", err)
	}
	if err := os.Mkdir(base+host, 0o700); err != nil {
		return step("mount root", "", err)
	}
	if err := unix.PivotRoot(base, base+host); err != nil {
		return step("pivot root", "", err)
	}
	return step("pivot root", "", os.Chdir("/"))
}

// leaveHost lets go of the host's root and makes the box's read-only.
func leaveHost() error {
	if err := unix.Unmount(host, unix.MNT_DETACH); err != nil {
		return step("leave host root", "", err)
	}
	if err := os.Remove(host); err != nil {
		return step("leave host root", "", err)
	}
	return step("make root read-only", "", restrict("/", unix.MOUNT_ATTR_RDONLY, false))
}

// mountTmpfs mounts a tmpfs of that size; options come besides.
func mountTmpfs(target string, bound Bound, options string, flags uintptr) error {
	if bound.Bytes > 0 {
		options += fmt.Sprintf(",size=%d", bound.Bytes)
	}
	if bound.Inodes > 0 {
		options += fmt.Sprintf(",nr_inodes=%d", bound.Inodes)
	}
	return unix.Mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|flags, options)
}

// makeParents makes the directories above a target.
func makeParents(target string) error { return os.MkdirAll(path.Dir(target), 0o755) }

// makeMountPoint makes a directory, or an empty file, to mount on. What is
// there already is fine.
func makeMountPoint(target string, directory bool) error {
	if _, err := os.Lstat(target); err == nil {
		return nil
	}
	if directory {
		return os.MkdirAll(target, 0o755)
	}
	if err := makeParents(target); err != nil {
		return err
	}
	return os.WriteFile(target, nil, 0o644)
}
