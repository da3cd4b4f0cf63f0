package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// remoteAccess is for an engine that does not see the server's directories. The
// agent's binary and the workspaces are volumes, the link is the container's
// standard streams.
//
// A volume has no quota, so the disk is not bounded here. /tmp and HOME are in the
// container's memory unless the session asked for more. A single file cannot
// be bound into a container, so /etc is a volume too: a copy of the image's with
// the session's user and names in it.
type remoteAccess struct {
	r     *Runtime
	users *userRange

	mu    sync.Mutex
	guest string // the volume with the agent, once it is filled
}

func (a *remoteAccess) workspace(ctx context.Context, spec runtimes.Spec) (place, bool, error) {
	if spec.Workspace != nil {
		volume, ok := spec.Workspace.(*volumeWorkspace)
		if !ok {
			return nil, false, fmt.Errorf("a workspace of type %T is not on the engine", spec.Workspace)
		}
		return volume, false, nil
	}
	volume, err := a.makeWorkspace(ctx, spec)
	if err != nil {
		return nil, false, err
	}
	return volume, true, nil
}

func (a *remoteAccess) makeWorkspace(ctx context.Context, spec runtimes.Spec) (*volumeWorkspace, error) {
	uid, err := a.users.take()
	if err != nil {
		return nil, err
	}
	volume := &volumeWorkspace{access: a, session: spec.Session, name: newName(spec.Session), uid: uid, onDisk: a.onDisk(spec)}
	image, err := a.r.imageFor(ctx, spec)
	for _, name := range volume.volumes() {
		a.r.claims.claim(name)
		if err == nil {
			err = a.r.engine.createVolume(ctx, name, a.r.labels(roleWorkspace, spec.Session))
		}
	}
	if err == nil {
		// The courier makes the workspace belong to the session's user, and fills
		// the other volume with the image's /etc and the files of the session.
		entries := []tarEntry{{name: workspaceTarget[1:] + "/", mode: 0o700, uid: uid, gid: uid}}
		for _, file := range etcFiles(spec, uid, uid) {
			entries = append(entries, tarEntry{name: etcTarget[1:] + "/" + file.name, mode: 0o644, content: []byte(file.content)})
		}
		err = a.deliver(ctx, image,
			[]mount.Mount{volume.mount(), {Type: mount.TypeVolume, Source: volume.etc(), Target: etcTarget}}, entries...)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the volumes of a session: %w", err), volume.Close())
	}
	return volume, nil
}

// onDisk reports whether a session's /tmp and HOME are to be on the engine's
// disk, as its workspace is.
func (a *remoteAccess) onDisk(spec runtimes.Spec) bool {
	return a.r.options.Workspaces.Storage().WantsDisk(&workspace.CreateOptions{
		DiskBytes: spec.Limits.DiskBytes, Asked: spec.DiskAsked, MemoryBytes: spec.Limits.MemoryBytes,
	})
}

// seat fills the agent's volume if that has not been done in this life.
func (a *remoteAccess) seat(ctx context.Context, name string, spec runtimes.Spec, ws place) (*seat, error) {
	guest, err := a.guestVolume(ctx)
	if err != nil {
		return nil, err
	}
	volume := ws.(*volumeWorkspace)
	scratch, err := a.scratch(ctx, name, volume)
	if err != nil {
		return nil, err
	}
	link := &stdio{engine: a.r.engine, log: a.r.log}
	return &seat{
		mounts:    append(scratch.mounts, readOnlyVolume(guest, guestDirectory), readOnlyVolume(volume.etc(), etcTarget)),
		arguments: []string{"-stdio"},
		stdio:     true,
		attach:    link.attach,
		accept:    func(context.Context) (io.ReadWriteCloser, error) { return link, nil },
		said:      link.complaints,
		release:   func() error { return errors.Join(link.Close(), scratch.release()) },
	}, nil
}

// guestVolume makes and fills the volume with the agent's binary once.
func (a *remoteAccess) guestVolume(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.guest != "" {
		return a.guest, nil
	}
	binary, err := os.ReadFile(a.r.options.Guest)
	if err != nil {
		return "", fmt.Errorf("read the agent: %w", err)
	}
	sum := sha256.Sum256(binary)
	name := appName + "-guest-" + a.r.options.Mark + "-" + hex.EncodeToString(sum[:6])
	image, err := a.r.anyImage(ctx)
	if err != nil {
		return "", err
	}
	a.r.claims.claim(name)
	err = a.r.engine.createVolume(ctx, name, a.r.labels(roleGuest, ""))
	if err == nil {
		err = a.deliver(ctx, image, []mount.Mount{{
			Type: mount.TypeVolume, Source: name, Target: guestDirectory,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true},
		}}, tarEntry{name: guestTarget[1:], mode: 0o555, content: binary})
	}
	if err != nil {
		a.r.claims.drop(name)
		a.r.kick()
		return "", fmt.Errorf("fill the agent's volume: %w", err)
	}
	a.guest = name
	return name, nil
}

// deliver puts entries into volumes through a container that is made for it and
// never started: the engine's archive call is safe before the first start only.
// The entries' names count from the root.
func (a *remoteAccess) deliver(ctx context.Context, image *imageFacts, volumes []mount.Mount, entries ...tarEntry) error {
	name := newName("courier")
	a.r.claims.claim(name)
	id, err := a.r.engine.createContainer(ctx, name, &container.Config{
		Image: image.id, Entrypoint: []string{"/none"}, Cmd: []string{}, NetworkDisabled: true,
		Labels: a.r.labels(roleCourier, ""),
	}, &container.HostConfig{
		NetworkMode: "none",
		LogConfig:   container.LogConfig{Type: "none"},
		Mounts:      volumes,
	})
	if err == nil {
		err = a.r.engine.copyTo(ctx, id, "/", entries)
	}
	return a.r.discard(ctx, name, err)
}

func readOnlyVolume(name, target string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: name, Target: target, ReadOnly: true,
		VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}
}
