package docker

import (
	"context"

	"github.com/codebeaker/codebeaker/runtimes"
)

// origin is what an environment was made of.
type origin struct {
	imageID string
	spec    runtimes.Spec
}

var _ runtimes.StaleChecker = (*Runtime)(nil)

// Stale reports whether another image has the name of that which the container was
// made of. It implements runtimes.StaleChecker.
func (r *Runtime) Stale(ctx context.Context, env runtimes.Environment) bool {
	e, ok := env.(*Environment)
	if !ok {
		return false
	}
	now, err := r.imageFor(ctx, e.origin.spec)
	return err == nil && now.id != e.origin.imageID
}
