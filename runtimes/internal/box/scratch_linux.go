package box

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// makeScratch mounts the writable directories.
func makeScratch(cfg Config) error {
	for i := range cfg.Scratch {
		if err := makeOneScratch(cfg, &cfg.Scratch[i]); err != nil {
			return step("mount", cfg.Scratch[i].Target, err)
		}
	}
	return nil
}

func makeOneScratch(cfg Config, s *Scratch) error {
	if s.Source != "" {
		attributes := uint64(unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV)
		if s.NoExec {
			attributes |= unix.MOUNT_ATTR_NOEXEC
		}
		return bind(host+s.Source, s.Target, attributes)
	}
	if err := makeScratchPoint(cfg, s.Target); err != nil {
		return err
	}
	flags := uintptr(0)
	if s.NoExec {
		flags = unix.MS_NOEXEC
	}
	options := fmt.Sprintf("mode=%o,uid=%d,gid=%d", s.Mode, cfg.UID, cfg.GID)
	return mountTmpfs(s.Target, s.Bound, options, flags)
}

// makeScratchPoint makes the directory to mount on; one in another scratch
// directory belongs to the box's user.
func makeScratchPoint(cfg Config, target string) error {
	for _, other := range cfg.Scratch {
		if other.Target != target && under(target, other.Target) {
			return makeOwned(cfg, target)
		}
	}
	return os.MkdirAll(target, 0o755)
}
