package script

import "golang.org/x/sys/unix"

// Variables are set before an init runs, that of the worker too.
var _ = func() bool {
	confine = func() {
		for resource, limit := range map[int]uint64{unix.RLIMIT_DATA: workMemory * strain, unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0} {
			_ = unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit})
		}
	}
	return true
}()
