package docker

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
)

// Environment is one container with its agent. It is safe for use by several
// goroutines.
type Environment struct {
	r         *Runtime
	name      string // of the container
	container string // its id
	pid       int    // of its first process on this host, or 0
	link      link
	seat      *seat
	relay     *egress.Relay // nil without a network
	workspace place
	limits    runtimes.Limits
	isolation runtimes.Isolation
	files     runtimes.Workspace // the agent's, where it does file commands
	terminal  bool
	oom       oomSource // nil where the link itself counts
	ooms      oomEvents
	witnesses sync.WaitGroup // last calls of sinks under way

	closing chan struct{} // closed when Close is called
	once    sync.Once
	closed  chan struct{} // closed when nothing is left
	err     error         // of the removal; read after closed

	lostOnce sync.Once
	losses   losses
}

var _ runtimes.Environment = (*Environment)(nil)

// ID is the container's name without the prefix that all have.
func (e *Environment) ID() string { return strings.TrimPrefix(e.name, appName+"-") }

// ContainerID is the engine's id.
func (e *Environment) ContainerID() string { return e.container }

// Limits are those that the kernel and the engine say are in force.
func (e *Environment) Limits() runtimes.Limits { return e.limits }

// Isolation lists the layers in force.
func (e *Environment) Isolation() runtimes.Isolation { return e.isolation }

// Workspace is the session's; it outlives the environment.
func (e *Environment) Workspace() runtimes.Workspace { return e.workspace.contract() }

// Start has the agent start a program.
func (e *Environment) Start(ctx context.Context, cmd runtimes.Command, sink runtimes.Sink) (runtimes.Process, error) {
	return e.link.Start(ctx, cmd, e.witnessed(sink))
}

// Close removes the container with everything that runs in it. It goes on when
// ctx ends, and returns ctx's cause then.
func (e *Environment) Close(ctx context.Context) error {
	e.once.Do(func() {
		close(e.closing)
		e.r.loops.Go(e.remove)
	})
	select {
	case <-e.closed:
		return e.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *Environment) remove() {
	defer close(e.closed)
	e.link.Close()
	e.witnesses.Wait()
	if volume, ok := e.workspace.(*volumeWorkspace); ok {
		volume.leave(e.files)
	}
	e.err = e.r.discard(context.Background(), e.name, nil)
	if e.relay != nil {
		e.err = errors.Join(e.err, e.relay.Close())
	}
	if err := e.seat.release(); e.err == nil {
		e.err = err
	}
}
