package box

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// makeScratch mounts the writable directories.
func makeScratch(cfg Config) error {
	for _, s := range cfg.Scratch {
		if err := os.MkdirAll(s.Target, 0o755); err != nil {
			return step("mount", s.Target, err)
		}
		flags := uintptr(0)
		if s.NoExec {
			flags = unix.MS_NOEXEC
		}
		options := fmt.Sprintf("mode=%o,uid=%d,gid=%d", s.Mode, cfg.UID, cfg.GID)
		if err := mountTmpfs(s.Target, s.Bound, options, flags); err != nil {
			return step("mount", s.Target, err)
		}
	}
	return nil
}
