package box

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// devices are the nodes of /dev. They are the host's own, bound: an ordinary
// user cannot make device nodes.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// deviceLinks are the symlinks that programs expect.
var deviceLinks = []Link{
	{"/dev/fd", "/proc/self/fd"}, {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
	{"/dev/stderr", "/proc/self/fd/2"}, {"/dev/ptmx", "pts/ptmx"},
}

// terminals bounds the pseudo-terminals of a box.
const terminals = "64"

func makeDev(Config) error {
	for _, name := range devices {
		// Read-only forbids to change the node, not to write to the device.
		err := bind(host+"/dev/"+name, "/dev/"+name,
			unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return step("bind", "/dev/"+name, err)
		}
	}
	if err := makeLinks(Config{Links: deviceLinks}); err != nil {
		return err
	}
	return mountTerminals()
}

// mountTerminals gives the box pseudo-terminals of its own. A kernel that
// refuses them in a user namespace (before 4.20 without a mapped root) leaves
// the box without; programs then find no /dev/pts/ptmx.
func mountTerminals() error {
	if err := os.Mkdir("/dev/pts", 0o755); err != nil {
		return step("mount terminals", "", err)
	}
	err := unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC,
		"newinstance,ptmxmode=0666,mode=0620,max="+terminals)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return nil
	}
	return step("mount terminals", "", err)
}
