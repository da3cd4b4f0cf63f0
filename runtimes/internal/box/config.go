package box

import (
	"errors"
	"fmt"
	"os"
)

// Config is the layout of one box. It travels to the agent as JSON. Paths are
// absolute and clean; sources are on the host and free of symlinks, targets
// are in the box.
type Config struct {
	Hostname string
	// Root bounds the tmpfs that holds the names below "/". It is read-only
	// once the box is entered.
	Root Bound
	// UID and GID own the scratch directories, as the box counts them.
	UID, GID int
	// Binds are what the box shows of the host.
	Binds []Bind
	// Links are symlinks in the root.
	Links []Link
	// Files are small files, readable by all.
	Files []File
	// Scratch are the writable directories besides the workspace.
	Scratch []Scratch
	// Seeds fill scratch directories.
	Seeds []Seed
	// Processors is how many processors /proc tells of; zero, or more than
	// there are, is all.
	Processors int
	// Workspace is the host's directory that the box sees writable as
	// /workspace; "" for none.
	Workspace string
}

// Bound bounds a tmpfs. A zero member leaves the kernel's default, half of the
// machine's memory.
type Bound struct {
	Bytes, Inodes int64
}

// Bind shows a file or directory of the host read-only, without set-user-id
// programs and devices.
type Bind struct {
	Source, Target string
	// NoExec forbids to run programs from there.
	NoExec bool
	// Optional leaves out a source that the host does not have.
	Optional bool
}

// Link is a symlink at Target that leads to To.
type Link struct {
	Target, To string
}

// File is a small file with that content.
type File struct {
	Target, Content string
	// Owned gives it, and directories made for it, to the box's user.
	Owned bool
}

// Scratch is a writable directory at Target that belongs to the box's user: a
// tmpfs of its own or, with Source, that directory of the host.
type Scratch struct {
	Target string
	Source string `json:",omitempty"`
	Bound
	Mode uint32
	// NoExec forbids to run programs from there.
	NoExec bool
}

// Seed fills Target, a directory to be made in a scratch directory, from
// Source; both are paths in the box. Directories are made, and belong to the
// box's user.
type Seed struct {
	Source, Target string
	// Link makes a symlink to each file instead of a copy: the source stays
	// shared and read-only, and the box may put files of its own beside it.
	Link bool
	// Whole makes one symlink at Target, to Source: the box may put files of its
	// own beside Target only.
	Whole bool
}

// StartOptions say how to start a box.
type StartOptions struct {
	// Guest is the agent's program, a path of the host.
	Guest string
	// Args are the agent's arguments, usually none.
	Args []string
	// UserNamespace makes a user namespace in which the server's own uid is
	// UID and nothing else is mapped. A server that is not root needs it.
	UserNamespace bool
	// UID and GID are those of the box's user in a user namespace. Zero means
	// DefaultUID: programs behave in odd ways as uid 0.
	UID, GID int
	// Birth is the control group in which the agent starts.
	Birth Birth
}

// DefaultUID is the uid and gid of the box's user in a user namespace.
const DefaultUID = 1000

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

// ErrUnsupported says that this host's system has no boxes.
var ErrUnsupported = errors.New("a box needs Linux")

// StepError says which step of making a box failed.
type StepError struct {
	// Step is what was done: "bind", "mount proc", "pivot root".
	Step string
	// Target is what it was done to, a path in the box, or "".
	Target string
	Err    error
}

// Error gives the step, its target and the cause.
func (e *StepError) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("%s: %v", e.Step, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Step, e.Target, e.Err)
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

func step(name, target string, err error) error {
	if err == nil {
		return nil
	}
	return &StepError{Step: name, Target: target, Err: err}
}
