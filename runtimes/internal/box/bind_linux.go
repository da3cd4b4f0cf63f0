package box

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// bindAll shows the layout's parts of the host.
func bindAll(cfg Config) error {
	for _, b := range cfg.Binds {
		attributes := uint64(unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV)
		if b.NoExec {
			attributes |= unix.MOUNT_ATTR_NOEXEC
		}
		err := bind(host+b.Source, b.Target, attributes)
		if b.Optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return step("bind", b.Target, err)
		}
	}
	return nil
}

// bindWorkspace shows the session's directory, writable. Programs may be run
// from it: go run, virtual environments and scripts do.
func bindWorkspace(cfg Config) error {
	if cfg.Workspace == "" {
		return nil
	}
	err := bind(host+cfg.Workspace, WorkspaceTarget, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	return step("bind", WorkspaceTarget, err)
}

// bind mounts a file or directory once more, with more restrictions.
func bind(source, target string, attributes uint64) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if err := makeMountPoint(target, info.IsDir()); err != nil {
		return err
	}
	// Recursive: in a user namespace the kernel refuses to bind a directory
	// without what is mounted below it, since that would uncover what it hides.
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return restrict(target, attributes, true)
}
