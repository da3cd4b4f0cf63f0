package docker

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/docker/docker/client"
)

// Sweep removes the containers, volumes and directories that an earlier life of
// this data directory left behind. Where no engine answers there is nothing to
// be removed now; it is done as soon as one answers.
func (r *Runtime) Sweep(ctx context.Context) error {
	if err := os.RemoveAll(r.environments()); err != nil {
		return fmt.Errorf("remove left-over directories: %w", err)
	}
	if err := r.engine.ping(ctx); err != nil {
		if client.IsErrConnectionFailed(err) || errors.Is(err, context.DeadlineExceeded) {
			return ctx.Err()
		}
		return fmt.Errorf("sweep containers: %w", err)
	}
	return r.reconcile(ctx)
}
