package docker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

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
func (p sharedPlace) mount() mount.Mount { return writable(p.Path(), workspaceTarget) }

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
		Session: spec.Session, DiskBytes: spec.Limits.DiskBytes, Asked: spec.DiskAsked,
		MemoryBytes: spec.Limits.MemoryBytes, Inodes: spec.Limits.Inodes,
	})
	if err != nil {
		return nil, false, err
	}
	return sharedPlace{directory}, true, nil
}

// seat makes a directory for the container: the files of /etc that it sees, and
// a directory with the socket that the agent dials. Both are read-only there.
func (a *sharedAccess) seat(ctx context.Context, name string, spec runtimes.Spec, ws place) (*seat, error) {
	scratch, err := ws.(sharedPlace).scratch(ctx)
	if err != nil {
		return nil, err
	}
	directory := filepath.Join(a.environments, name)
	link := filepath.Join(directory, "link")
	release := func() error { return os.RemoveAll(directory) }
	for _, dir := range []string{directory, link} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	mounts := append(scratch, readOnly(a.guest, guestTarget), readOnly(link, linkTarget))
	for _, file := range etcFiles(spec, ws.UID(), ws.GID()) {
		path := filepath.Join(directory, file.name)
		err := os.WriteFile(path, []byte(file.content), 0o444)
		if err == nil {
			err = os.Chmod(path, 0o444) // whatever the umask is
		}
		if err != nil {
			release()
			return nil, err
		}
		mounts = append(mounts, readOnly(path, etcTarget+"/"+file.name))
	}
	socket, err := listenOnce(link)
	if err != nil {
		release()
		return nil, err
	}
	return &seat{
		mounts:    mounts,
		arguments: []string{"-dial", linkTarget + "/" + socketName},
		accept:    socket.accept,
		release: func() error {
			socket.close()
			return release()
		},
	}, nil
}
