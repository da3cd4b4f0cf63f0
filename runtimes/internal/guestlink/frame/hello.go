package frame

import "encoding/json"

// Hello tells the agent how to live. It is the first frame, and the only one
// until the agent has answered Ready.
type Hello struct {
	// Box is a box.Config: the layout to enter first; nil stays where it is.
	Box json.RawMessage `json:",omitempty"`
	// User is who to become; nil stays who it is.
	User *User `json:",omitempty"`
	// Harden are the measures to apply to the agent and so to all programs.
	Harden Harden
	// Limits are set for the agent and inherited by programs.
	Limits []ResourceLimit `json:",omitempty"`
	// Env is the environment of every program, "KEY=value".
	Env []string `json:",omitempty"`
	// Workspace is the directory in which programs start. "" is "/".
	Workspace string
	// Places are directories whose room the agent reads back.
	Places []string `json:",omitempty"`
	// Files: the agent carries out file commands on the workspace.
	Files bool `json:",omitempty"`
	// Groups says by what programs are kept together and limited.
	Groups Groups
	// Tunnel: a descriptor comes with this frame, a unix socket. The
	// agent makes the device of package tunnel, before it enters a box, and
	// passes it there.
	Tunnel bool `json:",omitempty"`
}

// User is an identity without supplementary groups.
type User struct {
	UID, GID int
}

// Harden names measures. Each is applied to every thread, and Ready reports it
// from the kernel's mouth.
type Harden struct {
	// NoCapabilities empties all capability sets.
	NoCapabilities bool `json:",omitempty"`
	// NoNewPrivileges is PR_SET_NO_NEW_PRIVS.
	NoNewPrivileges bool `json:",omitempty"`
	// Seccomp is the deny-list of package harden.
	Seccomp bool `json:",omitempty"`
}

// ResourceLimit is one setrlimit(2), soft and hard alike.
type ResourceLimit struct {
	// Name is one of "data", "nofile", "nproc", "fsize", "core", "memlock",
	// "stack", "msgqueue".
	Name  string
	Value uint64
}

// Groups says what kind of control groups executions have.
type Groups uint8

// The kinds. Without groups the agent itself keeps track of trees.
const (
	NoGroups Groups = iota
	// GroupsV1: Start carries the "tasks" file of each hierarchy.
	GroupsV1
	// GroupsV2: Start carries the directory of the group.
	GroupsV2
)

// Report is the answer to Hello: what is in force, as the kernel told.
type Report struct {
	PID      int // as the agent sees it; 1 in a pid namespace of its own
	UID, GID int
	// Harden are the measures in force.
	Harden Harden
	// Undumpable: programs of the same uid can neither trace the agent nor see
	// its descriptors.
	Undumpable bool
	// Terminal: a terminal could be made.
	Terminal bool
	// Limits are those of Hello, read back.
	Limits []ResourceLimit `json:",omitempty"`
	// Places are those of Hello, each with its room.
	Places []Place `json:",omitempty"`
}

// Place is the room of a directory in bytes, as statfs(2) tells.
type Place struct {
	Path  string
	Bytes int64
}
