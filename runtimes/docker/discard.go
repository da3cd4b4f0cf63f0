package docker

import (
	"context"
	"errors"
)

// release frees what was prepared for a container, later if not now.
func (r *Runtime) release(s *seat, name string) {
	if s.release == nil {
		return
	}
	if err := s.release(); err != nil {
		r.log.Warn("what was prepared for a container cannot be removed; trying again", "container", name, "error", err)
		r.left.Keep(r.log, "what was prepared for "+name, s.release)
	}
}

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
