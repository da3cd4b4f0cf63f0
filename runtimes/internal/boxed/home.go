package boxed

import "github.com/codebeaker/codebeaker/runtimes/internal/surroundings"

// Where things are in a box.
const (
	// Home is the home directory of the box's user, writable and gone with
	// the environment.
	Home = surroundings.Home
	// toolsTarget is the first directory of the system's on PATH.
	toolsTarget = "/opt/codebeaker/bin"
	warmTarget  = "/opt/codebeaker/warm"
	// temporary and sharedMemory are the other writable places.
	temporary    = "/tmp"
	sharedMemory = "/dev/shm"
)
