package docker

import (
	"context"
	"errors"
	"io"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
)

// createContainer returns the id. The caller's deadline applies.
func (e *engine) createContainer(ctx context.Context, name string, c *container.Config, h *container.HostConfig) (string, error) {
	created, err := e.api.ContainerCreate(ctx, c, h, &network.NetworkingConfig{}, nil, name)
	if err == nil && created.ID == "" {
		err = errors.New("the engine's reply names no container")
	}
	return created.ID, err
}

// startContainer starts it. The caller's deadline applies.
func (e *engine) startContainer(ctx context.Context, id string) error {
	return e.api.ContainerStart(ctx, id, container.StartOptions{})
}

func (e *engine) inspectContainer(ctx context.Context, id string) (container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, e.read)
	defer cancel()
	found, err := e.api.ContainerInspect(ctx, id)
	if err == nil && (found.ContainerJSONBase == nil || found.State == nil || found.HostConfig == nil) {
		err = errors.New("the engine's description of the container is incomplete")
	}
	return found, err
}

// copyTo unpacks a tar below path in a container that was never started. The
// tar must not be compressed (CVE-2026-41567), which is why the caller gives a
// tree and not bytes.
func (e *engine) copyTo(ctx context.Context, id, path string, tree []tarEntry) error {
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(writeTar(pw, tree)) }()
	err := e.api.CopyToContainer(ctx, id, path, pr, container.CopyToContainerOptions{})
	pr.CloseWithError(errors.New("the engine stopped reading"))
	return err
}

func (e *engine) listContainers(ctx context.Context, which filters.Args) ([]container.Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, e.read)
	defer cancel()
	return e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: which})
}

// removeContainer kills and removes a container by id or name. One that is not
// there is a success. It never stops it first: stop waits, and what runs inside
// has no right to be asked.
func (e *engine) removeContainer(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, e.remove)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case err == nil, cerrdefs.IsNotFound(err):
			return nil
		case !cerrdefs.IsConflict(err):
			return err
		}
		// 409: someone else is removing it, or it is just being started.
		if !sleep(ctx, wait) {
			return err
		}
	}
}

// sleep waits and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
