//go:build !linux

package workspace

import (
	"errors"
	"os"
)

// lockDirectory does not lock here: the data directory of the server has a
// lock of its own.
func lockDirectory(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}

func lockUID(*os.File, int) (bool, error) { return false, errUnsupported }

func unlockUID(*os.File, int) error { return errUnsupported }

func mountTmpfs(string, string, int64, int64, int) error { return errUnsupported }

func resizeTmpfs(string, int64, int64) error { return errUnsupported }

// unmount has nothing to do where nothing can have been mounted.
func unmount(string) error { return nil }

func sizeOf(string, bool) (bytes, inodes int64, err error) { return 0, 0, errUnsupported }

func mountsBelow(string) ([]string, error) { return nil, nil }

// Reserve is for Linux only.
func Reserve(*os.File, int64, int64) error { return errors.ErrUnsupported }

// allocated is not known.
func allocated(*os.File) int64 { return 0 }

func exchangePays(string) bool { return false }

func exchange(*os.File, string, *os.File, string) error { return errUnsupported }

// errUnsupported: this system lacks the mechanism.
var errUnsupported = errors.New("not supported on this system")
