// Package adjust changes, from the host, what processes in other namespaces live
// under: their resource limits, the room of their places in memory, and of how many
// processors their files tell. Linux only; elsewhere nothing can be changed.
package adjust

import "errors"

// ErrRefused: the kernel does not let this server make the change, and nothing
// has been changed.
var ErrRefused = errors.New("this server may not change it")

// ResourceLimit is a limit of setrlimit(2) that changes.
type ResourceLimit struct {
	Resource int // RLIMIT_*
	Was, Now uint64
}

// Place is a tmpfs that changes.
type Place struct {
	Path string // as its processes see it
	// Was is its size in bytes as the kernel says it; another one is another
	// file system, which is left alone.
	Was int64
	// Bytes and Inodes are what it is to have room for; zero inodes stay as they
	// are.
	Bytes, Inodes int64
}

// ProcessorFiles are where a process counts processors, besides /proc/stat and
// /proc/cpuinfo.
type ProcessorFiles struct {
	// Online is as sysfs has it, "/sys/devices/system/cpu/online"; "" is not there.
	Online string
}

// FileSize is RLIMIT_FSIZE, for packages that are built for other systems too.
const FileSize = 1
