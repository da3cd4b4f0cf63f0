package docker

import (
	"context"
	"errors"
	"sync"

	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes"
)

// volumeWorkspace is a workspace on the engine. Its file commands are carried
// out by the agent of the environment that has it now.
type volumeWorkspace struct {
	access  *remoteAccess
	session string
	name    string // of the volume with the files
	uid     int
	onDisk  bool // /tmp and HOME are volumes too

	mu     sync.Mutex
	files  runtimes.Workspace // nil between environments
	closed bool
}

// etc is the volume with /etc, volumes are both.
func (w *volumeWorkspace) etc() string       { return w.name + "-etc" }
func (w *volumeWorkspace) volumes() []string { return []string{w.name, w.etc()} }

func (w *volumeWorkspace) UID() int { return w.uid }
func (w *volumeWorkspace) GID() int { return w.uid }

func (w *volumeWorkspace) contract() runtimes.Workspace { return w }

func (w *volumeWorkspace) ownUser() bool { return true }

func (w *volumeWorkspace) limits() (bytes, inodes int64) { return 0, 0 }

func (w *volumeWorkspace) mount() mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: w.name, Target: workspaceTarget,
		VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}
}

// serve names the agent that carries out the commands from now on.
func (w *volumeWorkspace) serve(files runtimes.Workspace) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = files
}

// leave takes the agent back, unless another one serves already.
func (w *volumeWorkspace) leave(files runtimes.Workspace) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.files == files {
		w.files = nil
	}
}

func (w *volumeWorkspace) agent() (runtimes.Workspace, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.files == nil {
		return nil, runtimes.ErrEnvironmentLost
	}
	return w.files, nil
}

// Close removes the volumes. The environments that use it are closed before;
// otherwise the janitor removes it as soon as they are gone.
func (w *volumeWorkspace) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	w.files = nil
	w.access.users.give(w.uid)
	var errs []error
	for _, name := range w.volumes() {
		w.access.r.claims.drop(name)
		errs = append(errs, w.access.r.engine.removeVolume(context.Background(), name))
	}
	err := errors.Join(errs...)
	if err != nil {
		w.access.r.kick()
	}
	return err
}
