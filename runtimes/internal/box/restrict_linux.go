package box

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// restrict adds attributes (MOUNT_ATTR_*) to a mount and, with below, to those
// under it. Restrictions that are there stay.
func restrict(target string, attributes uint64, below bool) error {
	flags := uint(0)
	if below {
		flags = unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(unix.AT_FDCWD, target, flags, &unix.MountAttr{Attr_set: attributes})
	if !errors.Is(err, unix.ENOSYS) {
		return err
	}
	return restrictByRemount(target, attributes, below)
}

// restrictByRemount does the same before Linux 5.12, mount by mount.
func restrictByRemount(target string, attributes uint64, below bool) error {
	mounts := []string{target}
	if below {
		var err error
		if mounts, err = mountsBelow(target); err != nil {
			return err
		}
	}
	for _, mount := range mounts {
		flags, err := remountFlags(mount)
		if err != nil {
			return err
		}
		flags |= uintptr(attributes) // MOUNT_ATTR_{RDONLY,NOSUID,NODEV,NOEXEC} equal MS_*
		if err := unix.Mount("", mount, "", unix.MS_REMOUNT|unix.MS_BIND|flags, ""); err != nil {
			return err
		}
	}
	return nil
}

// remountFlags returns the flags that a remount has to repeat: a user
// namespace may not drop those of a mount it inherited.
func remountFlags(target string) (uintptr, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(target, &stat); err != nil {
		return 0, err
	}
	kept := uintptr(0)
	for _, flag := range []struct{ st, ms uintptr }{
		{unix.ST_RDONLY, unix.MS_RDONLY}, {unix.ST_NOSUID, unix.MS_NOSUID}, {unix.ST_NODEV, unix.MS_NODEV},
		{unix.ST_NOEXEC, unix.MS_NOEXEC}, {unix.ST_NOATIME, unix.MS_NOATIME},
		{unix.ST_NODIRATIME, unix.MS_NODIRATIME}, {unix.ST_RELATIME, unix.MS_RELATIME},
	} {
		if uintptr(stat.Flags)&flag.st != 0 {
			kept |= flag.ms
		}
	}
	return kept, nil
}

// mountsBelow lists the mount points at and below target. The box has no /proc
// of its own at that time; the host's shows the same mounts.
func mountsBelow(target string) ([]string, error) {
	text, err := os.ReadFile(host + "/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var points []string
	for _, mount := range parseMountinfo(string(text)) {
		if under(mount.point, target) {
			points = append(points, mount.point)
		}
	}
	return points, nil
}

// unescapeMount undoes the octal escapes of proc_pid_mountinfo(5).
var unescapeMount = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
