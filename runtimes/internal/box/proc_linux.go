package box

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// maskedProc tell of the host's kernel, devices or users and are empty in a
// box. The list is that of the OCI engines.
var maskedProc = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/kmsg",
	"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
}

// readOnlyProc set the kernel up and are read-only in a box, besides that its
// user may not write them.
var readOnlyProc = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

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
