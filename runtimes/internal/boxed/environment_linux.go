package boxed

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/leftover"
	"github.com/codebeaker/codebeaker/runtimes/internal/pss"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// closeTimeout bounds the removal of an environment that nobody waits for.
const closeTimeout = 10 * time.Second

// Environment is one box. It implements runtimes.Environment and
// runtimes.MemoryMeter.
type Environment struct {
	id        string
	runtime   runtimes.Type
	isolation runtimes.Isolation
	terminal  bool // programs can have one
	workspace *workspace.Directory
	group     *cgroup.Group // nil without control groups
	groupName string
	box       *box.Box
	link      *guestlink.Link
	mark      string        // of what was found when it was made
	relay     *egress.Relay // nil without a network

	// For Assign.
	variables variables
	reserve   int64    // of the kit
	scratch   []string // the places that have memory of their own
	directory string   // of the server's data

	mu     sync.Mutex
	limits runtimes.Limits // in force
	made   runtimes.Limits // asked for: of the Spec, then of the session

	closing  chan struct{} // closed when Close begins
	begin    sync.Once     // closes closing
	lost     chan struct{}
	watching sync.WaitGroup

	left     *leftover.Keeper // of the runtime
	log      *slog.Logger
	removing sync.Mutex
	kept     bool // left has it
}

// ID names the environment.
func (e *Environment) ID() string { return e.id }

// ContainerID is "": there is no container.
func (e *Environment) ContainerID() string { return "" }

// Handle names the box by its first process, its group, files and user.
func (e *Environment) Handle() runtimes.Handle {
	return runtimes.Handle{
		Runtime: e.runtime.String(), Environment: e.id, PID: e.box.PID(), Group: e.groupName,
		Workspace: e.workspace.Path(), UID: e.workspace.UID(),
	}
}

// Limits are those read back from the kernel.
func (e *Environment) Limits() runtimes.Limits {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.limits
}

// Isolation is what was found in force when the environment was made.
func (e *Environment) Isolation() runtimes.Isolation { return e.isolation }

// Workspace is the session's directory.
func (e *Environment) Workspace() runtimes.Workspace { return e.workspace }

// Lost is closed when the agent is gone without Close.
func (e *Environment) Lost() <-chan struct{} { return e.lost }

// Start starts a program in the box: see runtimes.Environment.
func (e *Environment) Start(ctx context.Context, cmd runtimes.Command, sink runtimes.Sink) (runtimes.Process, error) {
	return e.link.Start(ctx, cmd, sink)
}

// PID is the host's number of the box's first process.
func (e *Environment) PID() int { return e.box.PID() }

// Memory is the proportional set size of the box.
func (e *Environment) Memory(ctx context.Context) (int64, error) {
	return pss.Tree(ctx, e.box.PID())
}

// Close ends every process of the box and removes it and its control group.
// The workspace stays. After an error the runtime tries again by itself, and it
// may be called again.
func (e *Environment) Close(ctx context.Context) error {
	e.begin.Do(func() { close(e.closing) })
	e.watching.Wait()
	return e.takeBack(ctx)
}

// takeBack is tearDown, which is done again as long as it fails.
func (e *Environment) takeBack(ctx context.Context) error {
	e.removing.Lock()
	err := e.tearDown(ctx)
	keep := err != nil && !e.kept
	e.kept = e.kept || keep
	e.removing.Unlock()
	if keep {
		e.left.Keep(e.log, "the environment "+e.id, func() error {
			e.removing.Lock()
			defer e.removing.Unlock()
			ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
			defer cancel()
			return e.tearDown(ctx)
		})
	}
	return err
}

// tearDown frees what there is, and does nothing to what has been freed. The
// end of the link tells the executions; killing the agent ends all processes of
// the box, whatever the agent does.
func (e *Environment) tearDown(ctx context.Context) error {
	var errs []error
	if e.link != nil {
		errs = append(errs, e.link.Close())
	}
	if e.box != nil {
		errs = append(errs, e.box.Close(ctx))
	}
	if e.relay != nil {
		errs = append(errs, e.relay.Close())
	}
	if e.group != nil {
		errs = append(errs, e.group.Remove(ctx))
	}
	return errors.Join(errs...)
}

// watch notices when the environment is lost, and kills what is left of its
// box: nothing of it may run on. Its group goes with Close.
func (e *Environment) watch() {
	e.closing, e.lost = make(chan struct{}), make(chan struct{})
	e.watching.Add(1)
	go func() {
		defer e.watching.Done()
		select {
		case <-e.link.Lost():
		case <-e.box.Dead():
		case <-e.closing:
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		e.box.Close(ctx)
		<-e.link.Lost() // every process has been told
		close(e.lost)
	}()
}
