package runtimes

import "context"

// Runtime makes environments of one kind. Implementations are safe for use by
// several goroutines.
type Runtime interface {
	// Type is the kind of runtime; it never changes.
	Type() Type

	// Probe finds out, by effect, what this host offers now: it may start
	// processes and take seconds, so it is never on the path of a create. A
	// host that lacks something is an Availability with a reason, not an error.
	Probe(ctx context.Context) Availability

	// Create makes a ready environment: its guest agent has answered and every
	// limit has been read back. On an error nothing is left behind, except
	// Spec.Workspace, which stays the caller's.
	// Errors: *EnvironmentError for a step that failed; ctx's cause.
	Create(ctx context.Context, spec Spec) (Environment, error)

	// Sweep removes what an earlier life of this data directory left behind:
	// containers, processes, mounts, directories, cgroups. It touches only
	// what carries this data directory's mark, and is called before the first
	// Create.
	Sweep(ctx context.Context) error

	// Close frees what the runtime itself holds. Environments are closed
	// before, by their owners.
	Close() error
}

// Environment is one isolated place with one workspace. Its methods are safe
// for use by several goroutines.
type Environment interface {
	// ID names the environment uniquely on this node.
	ID() string
	// ContainerID is the engine's id of the container, "" outside Docker.
	ContainerID() string
	// Limits are those in force, read back from the kernel or the engine. A
	// zero member is a limit that is not enforced here.
	Limits() Limits
	// Isolation lists the layers in force for this environment.
	Isolation() Isolation
	// Workspace is the one from Spec, or the one made for this environment.
	// Its owner is the session: Close does not remove it.
	Workspace() Workspace

	// Start starts a program. It returns once the program runs or is known
	// not to; a program that could not be started is an Exit with status
	// CouldNotStart told to sink, not an error.
	// sink.Exited is called exactly once for every Start that returned no
	// error. Errors: ErrEnvironmentLost; ctx's cause.
	Start(ctx context.Context, cmd Command, sink Sink) (Process, error)

	// Lost is closed when the environment is gone without Close: its guest
	// died, its container was removed. Every process has then been told
	// Exited with status EnvironmentLost.
	Lost() <-chan struct{}

	// Close ends every process and removes the environment. When it returns
	// every process has been told Exited and nothing of the environment is
	// left but its workspace. Idempotent.
	Close(ctx context.Context) error
}

// MemoryMeter is an Environment that can say how much memory its processes
// occupy now, in bytes (proportional set size). Calibration uses it.
type MemoryMeter interface {
	Memory(ctx context.Context) (int64, error)
}

// Pauser is an Environment that can be frozen while it waits in a pool.
type Pauser interface {
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
}
