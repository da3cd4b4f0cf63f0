package box

import "os"

// Birth names the control group in which an agent is born. To move a process
// there afterwards takes some ten milliseconds: the kernel waits until every
// processor has passed a quiet state (cgroup_threadgroup_rwsem). The zero
// value leaves the agent in the server's groups. The files stay the caller's.
type Birth struct {
	// Tasks are the "tasks" files of the group, one for each hierarchy of
	// version 1. A thread of the server moves itself there, which the kernel
	// does at once, forks and ends.
	Tasks []*os.File
	// Directory is the group of version 2 (CLONE_INTO_CGROUP, Linux 5.7).
	Directory *os.File
}
