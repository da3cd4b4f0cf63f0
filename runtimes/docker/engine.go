package docker

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/system"
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
