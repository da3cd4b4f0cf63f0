package docker

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// access is how the server's files and the link to the agent reach a container:
// by shared directories or, on an engine elsewhere, by volumes and streams.
type access interface {
	// workspace makes the session's workspace, or takes over spec.Workspace.
	// fresh tells that it was made.
	workspace(ctx context.Context, spec runtimes.Spec) (ws place, fresh bool, err error)
	// seat prepares what one container needs.
	seat(ctx context.Context, c *construction) (*seat, error)
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

// sharedAccess is for an engine that sees the server's directories.
type sharedAccess struct {
	workspaces   *workspace.Manager
	environments string // the directory for those of the containers
	guest        string // the agent's binary, below the data directory
}

// sharedPlace is a directory of the server.
type sharedPlace struct{ *workspace.Directory }

func (p sharedPlace) contract() runtimes.Workspace { return p.Directory }

func (p sharedPlace) ownUser() bool { return p.OwnUID() }

func (p sharedPlace) limits() (bytes, inodes int64) { return p.Directory.Limits() }

// mount binds the directory. It is mounted nosuid and nodev already where the
// server may mount; elsewhere the container's no-new-privileges and its lack of
// capabilities do the same.
func (p sharedPlace) mount() mount.Mount { return writable(p.Path(), runtimes.WorkspacePath) }

// scratch are the mounts of the places that lie on the workspace's storage.
func (p sharedPlace) scratch(ctx context.Context) ([]mount.Mount, error) {
	made, err := p.Scratch(ctx)
	if err != nil || made == nil {
		return nil, err
	}
	return []mount.Mount{
		writable(made.Temporary, temporaryTarget), writable(made.Temporary, otherTemporary), writable(made.Home, surroundings.Home),
	}, nil
}

// writable binds a path of the host.
func writable(source, target string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeBind, Source: source, Target: target,
		BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate},
	}
}

func (a *sharedAccess) workspace(ctx context.Context, spec runtimes.Spec) (place, bool, error) {
	if spec.Workspace != nil {
		directory, ok := spec.Workspace.(*workspace.Directory)
		if !ok {
			return nil, false, fmt.Errorf("a workspace of type %T cannot be bound into a container", spec.Workspace)
		}
		return sharedPlace{directory}, false, nil
	}
	directory, err := a.workspaces.Create(ctx, workspace.CreateOptions{
		Session: spec.Name, DiskBytes: spec.Limits.DiskBytes, Asked: spec.DiskAsked,
		MemoryBytes: spec.Limits.MemoryBytes, Inodes: spec.Limits.Inodes,
	})
	if err != nil {
		return nil, false, err
	}
	return sharedPlace{directory}, true, nil
}

// seat makes a directory for the container: the files of /etc that it sees, and
// a directory with the socket that the agent dials. Both are read-only there.
// After an error the seat is what there is to release.
func (a *sharedAccess) seat(ctx context.Context, c *construction) (*seat, error) {
	ws := c.workspace
	scratch, err := ws.(sharedPlace).scratch(ctx)
	if err != nil {
		return nil, err
	}
	directory := filepath.Join(a.environments, c.name)
	link := filepath.Join(directory, "link")
	release := func() error { return os.RemoveAll(directory) }
	begun := &seat{release: release}
	for _, dir := range []string{directory, link} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return begun, err
		}
	}
	mounts := append(scratch, readOnly(a.guest, guestTarget))
	for _, file := range etcFiles(c.spec, ws.UID(), ws.GID()) {
		path := filepath.Join(directory, file.name)
		err := os.WriteFile(path, []byte(file.content), 0o444)
		if err == nil {
			err = os.Chmod(path, 0o444) // whatever the umask is
		}
		if err != nil {
			return begun, err
		}
		mounts = append(mounts, readOnly(path, etcTarget+"/"+file.name))
	}
	if c.gvisor { // in which no socket of the host can be dialed
		stdio := &stdio{engine: c.r.engine, log: c.r.log}
		return stdio.seat(mounts, release), nil
	}
	socket, err := listenOnce(link)
	if err != nil {
		return begun, err
	}
	return &seat{
		mounts:    append(mounts, readOnly(link, linkTarget)),
		arguments: []string{"-dial", linkTarget + "/" + socketName},
		accept:    socket.accept,
		release: func() error {
			socket.close()
			return release()
		},
	}, nil
}

// socketName is short because a socket's whole path may have 107 bytes, unix(7).
const socketName = "agent.sock"

// socket is a listener for one connection: that of the agent, made before any
// program runs. After it nothing is left that a program could connect to.
type socket struct {
	listener *net.UnixListener
	path     string
}

// listenOnce makes the socket in a directory that only this server and, as a
// read-only mount, one container can reach. So the socket itself is open to
// every uid.
func listenOnce(directory string) (*socket, error) {
	path := filepath.Join(directory, socketName)
	short, done, err := shortPath(directory)
	if err != nil {
		return nil, err
	}
	defer done()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(short, socketName), Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen for the agent: %w", err)
	}
	// The listener's own way of unlinking would use the short path.
	listener.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o666); err != nil {
		listener.Close()
		return nil, err
	}
	return &socket{listener, path}, nil
}

// accept waits for the agent, then closes and unlinks the socket.
func (s *socket) accept(ctx context.Context) (io.ReadWriteCloser, error) {
	defer s.close()
	// A deadline in the past ends an Accept that waits.
	stop := context.AfterFunc(ctx, func() { s.listener.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn, err := s.listener.AcceptUnix()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("wait for the agent: %w", err)
	}
	return conn, nil
}

// close may be called twice.
func (s *socket) close() {
	s.listener.Close()
	os.Remove(s.path)
}
