package workspace

import (
	"os"

	"golang.org/x/sys/unix"
)

// exchangePays reports whether swap should use RENAME_EXCHANGE in dir.
func exchangePays(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Type == unix.EXT4_SUPER_MAGIC
}

// exchange swaps two names, each a single element below an open directory.
func exchange(dir1 *os.File, name1 string, dir2 *os.File, name2 string) error {
	return unix.Renameat2(int(dir1.Fd()), name1, int(dir2.Fd()), name2, unix.RENAME_EXCHANGE)
}
