//go:build unix

package local

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// alive reports whether there is a process of that number, anybody's.
func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// mine reports whether a file belongs to the user of this process.
func mine(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
