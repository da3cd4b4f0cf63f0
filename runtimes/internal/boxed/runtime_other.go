//go:build !linux

package boxed

import (
	"context"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
)

// stepStart is the step that fails here.
const stepStart = "start box"

// Runtime is a runtime that is not available: boxes need Linux.
type Runtime struct{ flavor Flavor }

// New returns the runtime.
func New(_ Options, flavor Flavor) *Runtime { return &Runtime{flavor} }

// Type is the flavor's.
func (r *Runtime) Type() runtimes.Type { return r.flavor.Type }

// Probe says that Linux is needed.
func (r *Runtime) Probe(context.Context) runtimes.Availability {
	return runtimes.Unavailable(runtimes.Problem{
		Step: stepStart, Err: box.ErrUnsupported,
		Reason: r.flavor.Type.String() + " sessions need a server on Linux; use Docker here",
	})
}

// Create fails.
func (r *Runtime) Create(context.Context, runtimes.Spec) (runtimes.Environment, error) {
	return nil, &runtimes.EnvironmentError{
		Runtime: r.flavor.Type, Step: stepStart,
		Reason: r.Probe(context.Background()).Reason, Err: box.ErrUnsupported,
	}
}

// Adopt takes over no environment: an agent ends with its server.
func (r *Runtime) Adopt(context.Context, runtimes.Handle) (runtimes.Environment, error) {
	return nil, runtimes.ErrCannotAdopt
}

// Sweep does nothing.
func (r *Runtime) Sweep(context.Context) error { return nil }

// Close does nothing.
func (r *Runtime) Close() error { return nil }
