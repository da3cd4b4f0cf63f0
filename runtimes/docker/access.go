package docker

import (
	"context"
	"io"

	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes"
)

// access is how the server's files and the link to the agent reach a container:
// by shared directories or, on an engine elsewhere, by volumes and streams.
type access interface {
	// workspace makes the session's workspace, or takes over spec.Workspace.
	// fresh tells that it was made.
	workspace(ctx context.Context, spec runtimes.Spec) (ws place, fresh bool, err error)
	// seat prepares what one container needs.
	seat(ctx context.Context, name string, spec runtimes.Spec, ws place) (*seat, error)
}

// place is a workspace as a container sees it.
type place interface {
	runtimes.Workspace
	// UID and GID own the files and run the programs.
	UID() int
	GID() int
	// mount shows it in a container.
	mount() mount.Mount
	// contract is what the session is given, and gives back in Spec.Workspace.
	contract() runtimes.Workspace
	// ownUser reports whether no other session, and not the server, has UID.
	ownUser() bool
	// limits of the disk in force, zero where there is none.
	limits() (bytes, inodes int64)
}

// seat is what one container is given besides its workspace. Its functions may
// be nil.
type seat struct {
	mounts    []mount.Mount
	arguments []string // of the agent
	stdio     bool
	// attach is called with the created container before it starts.
	attach func(ctx context.Context, id string) error
	// accept waits for the agent's end of the link.
	accept func(ctx context.Context) (io.ReadWriteCloser, error)
	// said is what the agent wrote to its standard error so far.
	said func() string
	// release frees what was prepared; idempotent.
	release func() error
}

// readOnly binds a path of the host.
func readOnly(source, target string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeBind, Source: source, Target: target, ReadOnly: true,
		BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate},
	}
}
