package host

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// How much of a thing is short: a session takes some descriptors and, where files
// are on disk, some of it.
const (
	leastDescriptors = 64
	mostDescriptors  = 512 // short of many
	leastDisk        = 256 << 20
	leastInodes      = 1024
)

// Short says what this server has too little of to take more sessions, "" when it
// has enough: descriptors, room or inodes of the disk with the data directory.
func (h *Host) Short() string {
	if why := shortOfDescriptors(); why != "" {
		return why
	}
	return shortOfDisk(h.options.DataDir)
}

func shortOfDescriptors() string {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return ""
	}
	const advice = "close connections or sessions, or start the server with a higher limit (`ulimit -n`, LimitNOFILE=)"
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil { // for want of a descriptor, mostly
		return fmt.Sprintf("the server's open files cannot be counted: of %d none may be left: %s", limit.Cur, advice)
	}
	spare := max(leastDescriptors, min(limit.Cur/20, mostDescriptors))
	if left := int64(limit.Cur) - int64(len(open)); left < int64(spare) {
		return fmt.Sprintf("the server may have %d files open and has %d: %s", limit.Cur, len(open), advice)
	}
	return ""
}

func shortOfDisk(dir string) string {
	var disk unix.Statfs_t
	if unix.Statfs(dir, &disk) != nil {
		return "the data directory cannot be looked at"
	}
	free, files := int64(disk.Bavail)*disk.Bsize, int64(disk.Ffree)
	switch {
	case free < leastDisk:
		return fmt.Sprintf("the disk with the data directory has %d MB left, and %d are needed: make room there", free>>20, leastDisk>>20)
	case disk.Files > 0 && files < leastInodes:
		return fmt.Sprintf("the disk with the data directory has room for %d files, and %d are needed: remove some there", files, leastInodes)
	}
	return ""
}
