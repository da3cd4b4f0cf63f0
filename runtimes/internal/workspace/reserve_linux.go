package workspace

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve makes sure of space for the first length bytes of a file, holes
// included, without changing what it holds (fallocate(2)).
// Errors: errors.ErrUnsupported where the file system cannot.
func reserve(f *os.File, length int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, length)
		if !errors.Is(err, unix.EINTR) { // a tmpfs stops at signals
			return err
		}
	}
}
