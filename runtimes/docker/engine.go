package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
)

// deadlines bound the calls to the engine, for one that hangs must not hang us.
type deadlines struct {
	ping   time.Duration // is it there at all
	read   time.Duration // lists and inspections
	create time.Duration // of a whole environment
	remove time.Duration // of one container
}

var defaultDeadlines = deadlines{
	ping:   2 * time.Second,
	read:   10 * time.Second,
	create: 30 * time.Second,
	remove: 15 * time.Second,
}

// engine is what this package asks of the Docker API, each call with a
// deadline. It is safe for use by several goroutines.
type engine struct {
	api *client.Client
	deadlines
}

// newEngine does not connect. An empty host means DOCKER_HOST, DOCKER_CERT_PATH
// and DOCKER_TLS_VERIFY, or the platform's usual address.
func newEngine(host string, d deadlines) (*engine, error) {
	opts := []client.Opt{client.FromEnv, client.WithAPIVersionNegotiation()}
	if host != "" {
		opts = append(opts, client.WithHost(host))
	}
	opts = append(opts, rememberDialed)
	api, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, fmt.Errorf("docker client: %w", err)
	}
	return &engine{api: api, deadlines: d}, nil
}

// address is where the engine is looked for, without user or password.
func (e *engine) address() string {
	u, err := url.Parse(e.api.DaemonHost())
	if err != nil {
		return "the configured address"
	}
	u.User = nil
	return u.String()
}

func (e *engine) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.deadlines.ping)
	defer cancel()
	_, err := e.api.Ping(ctx)
	return err
}

func (e *engine) version(ctx context.Context) (types.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, e.read)
	defer cancel()
	return e.api.ServerVersion(ctx)
}

func (e *engine) info(ctx context.Context) (system.Info, error) {
	ctx, cancel := context.WithTimeout(ctx, e.read)
	defer cancel()
	return e.api.Info(ctx)
}

func (e *engine) image(ctx context.Context, name string) (image.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, e.read)
	defer cancel()
	return e.api.ImageInspect(ctx, name)
}

// close lets idle connections go.
func (e *engine) close() error { return e.api.Close() }

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

// update changes the limits of a container that runs.
func (e *engine) update(ctx context.Context, id string, limits container.Resources) error {
	ctx, cancel := context.WithTimeout(ctx, e.read)
	defer cancel()
	_, err := e.api.ContainerUpdate(ctx, id, container.UpdateConfig{Resources: limits})
	return err
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
