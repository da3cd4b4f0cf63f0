package docker

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
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
	isolation runtimes.Isolation
	files     runtimes.Workspace // the agent's, where it does file commands
	terminal  bool
	gvisor    bool
	oom       oomSource // nil where the link itself counts
	ooms      oomEvents
	witnesses sync.WaitGroup // last calls of sinks under way

	origin origin

	// For Assign.
	variables func(session []string, limits *runtimes.Limits) []string
	scratch   []string // the places that have memory of their own

	mu     sync.Mutex
	limits runtimes.Limits // in force
	made   runtimes.Limits // asked for: of the Spec, then of the session

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

// Handle names the container and what it was given.
func (e *Environment) Handle() runtimes.Handle {
	return runtimes.Handle{
		Runtime: runtimes.Docker.String(), Environment: e.ID(), Container: e.container, PID: e.pid,
		Workspace: e.workspace.mount().Source, UID: e.workspace.UID(),
	}
}

// Limits are those that the kernel and the engine say are in force.
func (e *Environment) Limits() runtimes.Limits {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.limits
}

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
	e.r.release(e.seat, e.name)
}

// link is the server's end of the connection to an agent.
type link interface {
	Start(ctx context.Context, cmd runtimes.Command, sink runtimes.Sink) (runtimes.Process, error)
	// Lost is closed when the agent is gone and every process has been told.
	Lost() <-chan struct{}
	// Err is why it is gone.
	Err() error
	// For Assign: see guestlink.Link.
	SetEnv(env []string) error
	SetProgramLimits(processes, stack int64)
	SetOutputLimit(bytes int64)
	SetCPUs(n float64)
	// Reserve is a workspace.Charge.
	Reserve(f *os.File, offset, length, grows int64) error
	SetLimits(environment cgroup.Limits, programs int64) error
	Limits() (cgroup.Limits, error)
	Close() error
}

// handshake is what an agent is told when its link is made.
type handshake struct {
	conn        io.ReadWriteCloser
	environment []string
	limits      runtimes.Limits
	pid         int // of the container's first process on this host, or 0
	machine     *cpus.Machine
	files       bool // the agent runs file commands
	sharedUser  bool // programs have a uid that others on the host have
}

// agentFacts is what the agent answers, and what came with it.
type agentFacts struct {
	link     link
	files    runtimes.Workspace // when handshake.files
	layers   []runtimes.Layer   // that the agent reports of itself
	limits   runtimes.Limits    // read back from the cgroup; zero where not known
	terminal bool               // a terminal could be made
}

// handshaker makes links; tests replace it.
type handshaker func(ctx context.Context, g handshake) (agentFacts, error)

// losses is what happens once when an environment is lost. The zero value is
// ready, except for the channel.
type losses struct {
	happened chan struct{} // closed by announce

	mu     sync.Mutex
	done   bool
	notify []func()
}

// announce closes the channel and calls who asked for it.
func (l *losses) announce() {
	l.mu.Lock()
	calls := l.notify
	l.notify, l.done = nil, true
	l.mu.Unlock()
	close(l.happened)
	for _, call := range calls {
		call()
	}
}

func (l *losses) tell(f func()) {
	l.mu.Lock()
	if !l.done {
		l.notify = append(l.notify, f)
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	f()
}

// Lost is closed when the container or its agent is gone without Close.
func (e *Environment) Lost() <-chan struct{} { return e.losses.happened }

// NotifyLost calls f once when the environment is lost, at once when it is
// already. f must not block.
func (e *Environment) NotifyLost(f func()) { e.losses.tell(f) }

// attend waits for the end of the link, which is the first sign of a loss.
func (e *Environment) attend() {
	select {
	case <-e.link.Lost():
		e.lose("the link to its agent ended")
	case <-e.closing:
	}
}

// lose says that the environment is gone. It may be called at any time and by
// several; after Close it does nothing.
func (e *Environment) lose(why string) {
	e.lostOnce.Do(func() {
		select {
		case <-e.closing:
			return
		default:
		}
		e.r.log.Warn("an environment is lost", "container", e.container, "reason", why, "error", e.link.Err())
		// Every process is told before whoever waits for Lost acts on it.
		e.link.Close()
		e.witnesses.Wait()
		e.losses.announce()
	})
}
