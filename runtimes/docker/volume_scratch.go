package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

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
			err = a.r.engine.createVolume(ctx, name, a.r.labels(roleWorkspace, ws.session))
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
