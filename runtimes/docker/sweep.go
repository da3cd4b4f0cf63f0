package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker/docker/client"
)

// Sweep removes the containers, volumes and directories that an earlier life of
// this data directory left behind. Where no engine answers there is nothing to
// be removed now; it is done as soon as one answers.
func (r *Runtime) Sweep(ctx context.Context) error {
	if err := r.sweepDirectories(); err != nil {
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

// sweepDirectories keeps the directory of directories, and with it the mode that
// keeps other users of this host away from the agents' sockets.
func (r *Runtime) sweepDirectories() error {
	entries, err := os.ReadDir(r.environments())
	errs := []error{err}
	for _, entry := range entries {
		if _, claimed := r.claims.holds(entry.Name()); !claimed {
			errs = append(errs, os.RemoveAll(filepath.Join(r.environments(), entry.Name())))
		}
	}
	return errors.Join(errs...)
}
