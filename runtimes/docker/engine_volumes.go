package docker

import (
	"context"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"
)

// createVolume makes a volume of the local driver, or does nothing when there
// is one of that name.
func (e *engine) createVolume(ctx context.Context, name string, labels map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, e.read)
	defer cancel()
	_, err := e.api.VolumeCreate(ctx, volume.CreateOptions{Name: name, Driver: "local", Labels: labels})
	return err
}

// removeVolume removes a volume; one that is not there is a success.
func (e *engine) removeVolume(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, e.remove)
	defer cancel()
	if err := e.api.VolumeRemove(ctx, name, true); err != nil && !cerrdefs.IsNotFound(err) {
		return err
	}
	return nil
}

func (e *engine) listVolumes(ctx context.Context, which filters.Args) ([]*volume.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, e.read)
	defer cancel()
	found, err := e.api.VolumeList(ctx, volume.ListOptions{Filters: which})
	return found.Volumes, err
}
