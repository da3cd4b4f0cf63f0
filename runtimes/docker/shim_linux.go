package docker

import "github.com/codebeaker/codebeaker/runtimes/internal/pss"

// shimMemory is what the engine's process beside a container occupies, the
// parent of the container's first one; 0 where it cannot be seen.
func shimMemory(pid int) int64 {
	if pid == 0 {
		return 0
	}
	shim, err := pss.Parent(pid)
	if err != nil || shim <= 1 {
		return 0
	}
	occupied, err := pss.Of(shim)
	if err != nil {
		return 0
	}
	return occupied
}
