//go:build !linux

package workspace

import "os"

// lockDirectory does not lock here: the data directory of the server has a
// lock of its own.
func lockDirectory(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}

func lockUID(*os.File, int) (bool, error) { return false, errUnsupported }

func unlockUID(*os.File, int) error { return errUnsupported }
