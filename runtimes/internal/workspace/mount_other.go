//go:build !linux

package workspace

func mountTmpfs(string, string, int64, int64, int) error { return errUnsupported }

func resizeTmpfs(string, int64, int64) error { return errUnsupported }

// unmount has nothing to do where nothing can have been mounted.
func unmount(string) error { return nil }

func sizeOf(string, bool) (bytes, inodes int64, err error) { return 0, 0, errUnsupported }

func mountsBelow(string) ([]string, error) { return nil, nil }
