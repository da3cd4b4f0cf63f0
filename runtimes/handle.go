package runtimes

import "errors"

// Handle is what there is to know of an environment to find it again from
// another process: a server that takes over from one that has ended. It can be
// written down as JSON. Members that do not apply are zero.
type Handle struct {
	// Runtime is the name of the runtime, Environment the id.
	Runtime     string `json:"runtime"`
	Environment string `json:"environment"`
	// Container is the engine's id.
	Container string `json:"container,omitempty"`
	// PID is the host's number of the first process, the agent.
	PID int `json:"pid,omitempty"`
	// Agent is the address at which another server reaches the agent; "" where
	// its stream ends with this one.
	Agent string `json:"agent,omitempty"`
	// Group is the control group, below the root of its hierarchy.
	Group string `json:"group,omitempty"`
	// Workspace is the directory on the host, or the engine's volume.
	Workspace string `json:"workspace,omitempty"`
	// UID is the host's or the engine's user that owns the files and runs the
	// programs.
	UID int `json:"uid,omitempty"`
}

// ErrCannotAdopt is what Runtime.Adopt says of an environment that it cannot
// take over.
var ErrCannotAdopt = errors.New("environments of another server cannot be adopted")
