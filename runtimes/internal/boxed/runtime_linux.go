package boxed

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/adjust"
	"github.com/codebeaker/codebeaker/runtimes/internal/leftover"
)

// Runtime makes the environments of one flavor. It is safe for use by several
// goroutines.
type Runtime struct {
	options Options
	flavor  Flavor

	// life ends with Close; the filling of caches ends with it.
	life context.Context
	end  context.CancelCauseFunc

	last lastProbe
	left leftover.Keeper

	mu    sync.Mutex
	found *found           // nil until looked for
	warms map[string]*Warm // by Dir
}

// errClosed is the cause of what Close interrupts.
var errClosed = errors.New("the runtime is closed")

// New returns a runtime of that flavor. It starts nothing.
func New(o Options, flavor Flavor) *Runtime {
	o.Logger = o.logger().With("runtime", flavor.Type.String())
	r := &Runtime{options: o, flavor: flavor, warms: make(map[string]*Warm)}
	r.life, r.end = context.WithCancelCause(context.Background())
	return r
}

// Type is the flavor's.
func (r *Runtime) Type() runtimes.Type { return r.flavor.Type }

// name is the runtime's in names of environments and control groups.
func (r *Runtime) name() string { return strings.ToLower(r.flavor.Type.String()) }

// groupName is the path of an environment's control group. Those of one
// runtime and one data directory have a parent of their own, so that Sweep
// finds them.
func (r *Runtime) groupName(environment string) string {
	return path.Join("codebeaker", r.options.Mark+"-"+r.name(), environment)
}

// Adopt takes over no environment: an agent ends with its server.
func (r *Runtime) Adopt(context.Context, runtimes.Handle) (runtimes.Environment, error) {
	return nil, runtimes.ErrCannotAdopt
}

// Sweep removes what an earlier life left. Its boxes ended with its links; a
// frozen one is still there and ends with its control group.
func (r *Runtime) Sweep(ctx context.Context) error {
	return errors.Join(sweepPartial(r.options.CacheDir()), adjust.Sweep(r.texts()), r.sweepGroups(ctx))
}

// texts is where those of adjust.PickProcessors are.
func (r *Runtime) texts() string { return r.options.DataDir }

func (r *Runtime) sweepGroups(ctx context.Context) error {
	groups := r.options.Groups.Hierarchy()
	if groups == nil {
		return nil
	}
	if err := groups.Sweep(ctx, r.groupName("")); err != nil {
		return fmt.Errorf("sweep control groups: %w", err)
	}
	return nil
}

// Close ends the filling of caches and removes the parent of the control
// groups. Idempotent.
func (r *Runtime) Close() error {
	r.end(errClosed)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, warm := range r.warms {
		warm.wait()
	}
	left := r.left.Close()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return errors.Join(left, r.sweepGroups(ctx))
}
