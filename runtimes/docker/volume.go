package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

// volumeWorkspace is a workspace on the engine. Its file commands are carried
// out by the agent of the environment that has it now.
type volumeWorkspace struct {
	access      *remoteAccess
	environment string // that it was made for first
	name        string // of the volume with the files
	uid         int
	onDisk      bool // /tmp and HOME are volumes too

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
		Type: mount.TypeVolume, Source: w.name, Target: runtimes.WorkspacePath,
		VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}
}

// serve names the agent that runs the commands from now on.
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

var _ runtimes.Workspace = (*volumeWorkspace)(nil)

// WriteFile writes by the agent.
func (w *volumeWorkspace) WriteFile(ctx context.Context, cmd runtimes.WriteFile) (int64, error) {
	return asked(w, func(files runtimes.Workspace) (int64, error) { return files.WriteFile(ctx, cmd) })
}

// ReadFile reads by the agent.
func (w *volumeWorkspace) ReadFile(ctx context.Context, cmd runtimes.ReadFile) (runtimes.FileContent, error) {
	return asked(w, func(files runtimes.Workspace) (runtimes.FileContent, error) { return files.ReadFile(ctx, cmd) })
}

// CreateDirectory makes a directory by the agent.
func (w *volumeWorkspace) CreateDirectory(ctx context.Context, cmd runtimes.CreateDirectory) error {
	return told(w, func(files runtimes.Workspace) error { return files.CreateDirectory(ctx, cmd) })
}

// CopyFile copies by the agent.
func (w *volumeWorkspace) CopyFile(ctx context.Context, cmd runtimes.CopyFile) (int64, error) {
	return asked(w, func(files runtimes.Workspace) (int64, error) { return files.CopyFile(ctx, cmd) })
}

// MoveFile moves by the agent.
func (w *volumeWorkspace) MoveFile(ctx context.Context, cmd runtimes.MoveFile) error {
	return told(w, func(files runtimes.Workspace) error { return files.MoveFile(ctx, cmd) })
}

// DeleteFile deletes by the agent.
func (w *volumeWorkspace) DeleteFile(ctx context.Context, cmd runtimes.DeleteFile) error {
	return told(w, func(files runtimes.Workspace) error { return files.DeleteFile(ctx, cmd) })
}

// ListDirectory lists by the agent.
func (w *volumeWorkspace) ListDirectory(ctx context.Context, cmd runtimes.ListDirectory) (runtimes.Listing, error) {
	return asked(w, func(files runtimes.Workspace) (runtimes.Listing, error) { return files.ListDirectory(ctx, cmd) })
}

// asked runs a command with a result by the present agent.
func asked[T any](w *volumeWorkspace, command func(runtimes.Workspace) (T, error)) (T, error) {
	files, err := w.agent()
	if err != nil {
		var none T
		return none, err
	}
	return command(files)
}

func told(w *volumeWorkspace, command func(runtimes.Workspace) error) error {
	files, err := w.agent()
	if err != nil {
		return err
	}
	return command(files)
}

// volumeScratch are the volumes of one container for /tmp and HOME. Its zero
// value is none: both are in memory.
type volumeScratch struct {
	access  *remoteAccess
	mounts  []mount.Mount
	volumes []string
}

// scratch makes the volumes of a container, where its session has them.
func (a *remoteAccess) scratch(ctx context.Context, container string, ws *volumeWorkspace) (*volumeScratch, error) {
	s := &volumeScratch{access: a}
	if !ws.onDisk {
		return s, nil
	}
	image, err := a.r.anyImage(ctx)
	if err != nil {
		return nil, err
	}
	temporary, home := container+"-tmp", container+"-home"
	for _, name := range []string{temporary, home} {
		a.r.claims.claim(name)
		s.volumes = append(s.volumes, name)
		if err == nil {
			err = a.r.engine.createVolume(ctx, name, a.r.labels(roleWorkspace, ws.environment))
		}
	}
	s.mounts = []mount.Mount{
		writableVolume(temporary, temporaryTarget), writableVolume(temporary, otherTemporary), writableVolume(home, surroundings.Home),
	}
	if err == nil {
		err = a.deliver(ctx, image, s.mounts,
			tarEntry{name: temporaryTarget[1:] + "/", mode: 0o1777, uid: ws.uid, gid: ws.uid},
			tarEntry{name: surroundings.Home[1:] + "/", mode: 0o700, uid: ws.uid, gid: ws.uid})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the volumes of a container: %w", err), s.release())
	}
	return s, nil
}

// release removes the volumes; the container is gone before. What cannot be
// removed now is the janitor's.
func (s *volumeScratch) release() error {
	var errs []error
	for _, name := range s.volumes {
		s.access.r.claims.drop(name)
		errs = append(errs, s.access.r.engine.removeVolume(context.Background(), name))
	}
	err := errors.Join(errs...)
	if err != nil {
		s.access.r.kick()
	}
	return err
}

func writableVolume(name, target string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: name, Target: target, VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}
}

// tarEntry is a directory or, with content, a regular file of an archive.
type tarEntry struct {
	name     string
	mode     int64
	uid, gid int
	content  []byte // nil: a directory
}

// writeTar writes an uncompressed archive.
func writeTar(w io.Writer, entries []tarEntry) error {
	archive := tar.NewWriter(w)
	for _, entry := range entries {
		header := &tar.Header{Name: entry.name, Mode: entry.mode, Uid: entry.uid, Gid: entry.gid, Format: tar.FormatGNU}
		if entry.content == nil {
			header.Typeflag = tar.TypeDir
		} else {
			header.Typeflag = tar.TypeReg
			header.Size = int64(len(entry.content))
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(entry.content); err != nil {
			return err
		}
	}
	return archive.Close()
}
