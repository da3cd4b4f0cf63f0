package docker

import (
	"context"
	"errors"
)

// discard removes a container by the name it was to have, whether or not its
// create was heard of, gives up the claim, and returns cause together with what
// went wrong now. The end of ctx does not stop the removal, which has its own
// deadline.
func (r *Runtime) discard(ctx context.Context, name string, cause error) error {
	err := r.engine.removeContainer(context.WithoutCancel(ctx), name)
	r.claims.drop(name)
	if err != nil || cause != nil {
		// The janitor goes on trying. And a create that is still under way makes
		// its container after this removal found none: its event tells.
		r.kick()
	}
	return errors.Join(cause, err)
}
