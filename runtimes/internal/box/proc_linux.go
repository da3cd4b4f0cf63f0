package box

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
)

// maskedProc are empty in a box, readOnlyProc read-only, besides that its user
// may not write them.
var (
	maskedProc   = append([]string{"/proc/kmsg"}, procfs.Masked...)
	readOnlyProc = procfs.ReadOnly
)

// empty is a directory that stands in for masked ones while a box is built.
const empty = "/.empty"

// mountProc mounts the /proc of the box's pid namespace. It has to come before
// the host's root goes: in a user namespace the kernel wants to see an
// unmasked /proc among the mounts.
func mountProc(Config) error {
	if err := os.Mkdir("/proc", 0o755); err != nil {
		return step("mount proc", "", err)
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	return step("mount proc", "", unix.Mount("proc", "/proc", "proc", flags, ""))
}

func maskProc(Config) error {
	if err := os.Mkdir(empty, 0o555); err != nil {
		return step("mask proc", "", err)
	}
	for _, target := range maskedProc {
		if err := mask(target); err != nil {
			return step("mask", target, err)
		}
	}
	for _, target := range readOnlyProc {
		err := bind(target, target, unix.MOUNT_ATTR_RDONLY)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return step("make read-only", target, err)
		}
	}
	return step("mask proc", "", os.Remove(empty))
}

// mask covers a file with the null device and a directory with an empty one.
func mask(target string) error {
	info, err := os.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	source := host + "/dev/null"
	if info.IsDir() {
		source = empty
	}
	return bind(source, target, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
}

// mostProcessorText bounds what is told of processors: it lies in the root.
const mostProcessorText = 256 << 10

// showProcessors makes /proc tell of as many processors as the programs may use.
// They count them there where they do not ask for their affinity: node's
// os.cpus, and sysconf(3) where there is no /sys. The texts stay as they are
// now; the host's counters are not the session's.
func showProcessors(cfg Config) error {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil || cfg.Processors <= 0 || cpus.Count(stat) <= cfg.Processors {
		return nil
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return nil
	}
	for _, file := range []struct {
		target string
		text   []byte
	}{{"/proc/stat", cpus.Stat(stat, cfg.Processors)}, {"/proc/cpuinfo", cpus.Info(info, cfg.Processors)}} {
		if len(file.text) > mostProcessorText {
			continue
		}
		if err := cover(file.target, file.text); err != nil {
			return step("show processors", file.target, err)
		}
	}
	return nil
}

// cover lies a text over a file, for reading.
func cover(target string, text []byte) error {
	const source = "/.cover"
	if err := os.WriteFile(source, text, 0o444); err != nil {
		return err
	}
	defer os.Remove(source)
	return bind(source, target, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
}

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
	mounts, err := procfs.Mounts(host + "/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var points []string
	for _, mount := range mounts {
		if under(mount.Point, target) {
			points = append(points, mount.Point)
		}
	}
	return points, nil
}
