package runtimes

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

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
	// limit has been read back. It belongs to no session until Assign. On an
	// error nothing is left behind, except Spec.Workspace, which stays the
	// caller's.
	// Errors: *EnvironmentError for a step that failed; ctx's cause.
	Create(ctx context.Context, spec Spec) (Environment, error)

	// Adopt takes over an environment that another server has made and left,
	// with what runs in it.
	// Errors: ErrCannotAdopt where it cannot, which today is everywhere: agents
	// end with their server.
	Adopt(ctx context.Context, h Handle) (Environment, error)

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
	// Handle is what another server needs for Runtime.Adopt.
	Handle() Handle
	// Limits are those in force, read back from the kernel or the engine. A
	// zero member is a limit that is not enforced here.
	Limits() Limits
	// Isolation lists the layers in force for this environment.
	Isolation() Isolation
	// Workspace is the one from Spec, or the one made for this environment.
	// Its owner is the session: Close does not remove it.
	Workspace() Workspace

	// Assign gives the environment to a session, once. Programs that start
	// afterwards have its variables, and its limits are in force; Limits tells
	// them. Errors: ErrCannotAssign, after which the environment is as it was:
	// whoever needs such a one makes it anew. After another error it is to be
	// closed.
	Assign(ctx context.Context, a Assignment) error

	// Start starts a program. It does not wait for that: it returns once the
	// start is on its way, and sink is told what comes of it, maybe before
	// Start returns. A program that could not be started is an Exit with
	// status CouldNotStart, not an error. ctx bounds the call, not the program.
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

// StaleChecker is a Runtime that can tell whether an environment is made of other
// tools, or another image, than one made now would be.
type StaleChecker interface {
	Stale(ctx context.Context, env Environment) bool
}

// Pauser is an Environment that can be frozen while it waits in a pool.
type Pauser interface {
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
}

// Network says what a session may reach.
type Network uint8

// The networks. The zero value is none at all: a loopback of its own.
const (
	NoNetwork Network = iota
	Internet
)

// Spec describes the environment to make: what can be known before its session
// is. The rest is an Assignment.
type Spec struct {
	// Name is the environment's in labels, in the names of containers and
	// control groups and, where it makes one, of the workspace. No two have the
	// same at a time, but one that replaces another on its workspace. It has only
	// letters, digits, '.' and '-'.
	Name string
	// HostName is what programs find as the name of their machine, see HostName;
	// "" makes it of Name.
	HostName string
	// Image names another image than the language's; Docker only.
	Image string
	// Workspace is that of an environment that was lost; nil makes a new one.
	Workspace Workspace
	// Limits are those asked for; Environment.Limits are those in force.
	Limits   Limits
	Language Language
	Network  Network
	// DiskAsked: the client asked for Limits.DiskBytes, which is given on disk
	// where its share of memory does not hold as much. Else it is a default,
	// and memory, which is faster, bounds it.
	DiskAsked bool
	// Strongest asks for the strongest isolation that the runtime has here for
	// such an environment, which may be slower: see Availability.Strongest.
	Strongest bool
}

// Assignment is what an environment learns of the session that it is for.
type Assignment struct {
	// Session is the id, for the log.
	Session string
	// Env are variables of every program, "KEY=value".
	Env []string
	// Limits are those that it asks for. A zero member stays as it is; one that is
	// the Spec's costs nothing.
	Limits Limits
	// DiskAsked is Spec.DiskAsked, where Limits.DiskBytes is given.
	DiskAsked bool
	// Flows is told of each flow of the session's network after its end, on any
	// goroutine; it must not block. Nil is not told.
	Flows func(NetworkFlow)
}

// HostName makes the name of a machine of the id of what it is for.
func HostName(id string) string {
	letters := strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return '-' // RFC 1123, 2.1
	}, id)
	end := strings.Trim(letters[max(0, len(letters)-shortID):], "-")
	if end == "" {
		return "session"
	}
	return "session-" + end
}

// shortID is how many characters of an id a host name ends with: of a ULID they
// are chance.
const shortID = 8

// MachineName is HostName, or that of the Name.
func (s *Spec) MachineName() string {
	if s.HostName != "" {
		return s.HostName
	}
	return HostName(s.Name)
}

// Limits bound an environment. A zero member is no limit in Environment.Limits
// and the default of the operator's policy in Spec.
type Limits struct {
	MemoryBytes int64 // of all processes together
	// ProcessMemoryBytes is that of each process by itself, where nothing bounds
	// all of them together. It is read back only; a Spec has none.
	ProcessMemoryBytes int64
	CPUs               float64
	Processes          int64
	DiskBytes          int64 // of the workspace; on disk, of HOME and /tmp together with it
	Inodes             int64
	// HomeBytes, TemporaryBytes and SharedMemoryBytes are what HOME, /tmp and
	// /dev/shm have room for. They are read back only; a Spec has none.
	HomeBytes         int64
	TemporaryBytes    int64
	SharedMemoryBytes int64
	OpenFiles         int64
	OutputBytes       int64 // of one execution
}

// Availability is what a runtime offers on this host at the moment of a probe.
type Availability struct {
	Available bool
	// Reason says in a sentence why not, and what to do about it.
	Reason string
	// Problems are what the probe found wrong, also where other languages work.
	Problems []Problem
	// Version is that of the runtime itself: the engine, bun, deno.
	Version string
	// Tools are the versions of what programs find, by name: "node": "20.1".
	Tools map[string]string
	// Languages are those served here now, in the order of Languages.
	Languages []Language
	// Isolation is what an environment would get.
	Isolation Isolation
	// Strongest is what one made with Spec.Strongest would get, where that is
	// more; else the zero value.
	Strongest Isolation
	// Advice says in a sentence how to get a stronger one; "" where nothing would.
	Advice string
	// Terminal says that Command.Terminal works.
	Terminal bool
	// Processes says that programs can be started at all.
	Processes bool
}

// Serves reports whether the language can be used now.
func (a *Availability) Serves(l Language) bool {
	if !a.Available {
		return false
	}
	return slices.Contains(a.Languages, l)
}

// WhyNot says in a sentence why the language cannot be used now.
func (a *Availability) WhyNot(l Language) string {
	for i := range a.Problems {
		if slices.Contains(a.Problems[i].Languages, l) {
			return a.Problems[i].Reason
		}
	}
	if !a.Available {
		return a.Reason
	}
	return fmt.Sprintf("it does not serve %s here", l)
}

// Unavailable is the availability of a runtime of which nothing works. There is
// at least one problem; the first gives the reason.
func Unavailable(problems ...Problem) Availability {
	return Availability{Reason: problems[0].Reason, Problems: problems}
}
