package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"github.com/codebeaker/codebeaker/runtimes/internal/adjust"
)

const (
	// reconcileEvery is how often everything is compared although nothing
	// happened: a half-open connection to a remote engine tells nothing.
	reconcileEvery = 30 * time.Second
	// reconcileRetry is the first wait after a comparison that failed.
	reconcileRetry = time.Second
	// removalsAtOnce bounds how many containers are removed at the same time.
	removalsAtOnce = 4
)

// kick asks the janitor to compare now. It never waits.
func (r *Runtime) kick() {
	select {
	case r.kicked <- struct{}{}:
	default:
	}
}

// tidy compares what the engine has with what is claimed, when kicked and from
// time to time, until ctx ends.
func (r *Runtime) tidy(ctx context.Context) {
	timer := time.NewTimer(reconcileEvery)
	defer timer.Stop()
	retry := reconcileRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.kicked:
		case <-timer.C:
		}
		next := reconcileEvery
		if err := r.reconcile(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("could not compare the Docker engine's containers with the living sessions", "error", err)
			next, retry = retry, min(2*retry, reconcileEvery)
		} else {
			retry = reconcileRetry
		}
		timer.Reset(next)
	}
}

// reconcile tells environments whose container is gone, and removes containers
// and volumes with our mark that nobody claims.
func (r *Runtime) reconcile(ctx context.Context) error {
	// Before the list: an environment made after it is not in it.
	living := r.claims.environments()
	// What was claimed then and is not any more has just been removed by its
	// owner, or is told by the next comparison.
	claimed := r.claims.all()
	found, err := r.engine.listContainers(ctx, r.ours())
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	running := make(map[string]bool, len(found))
	for _, c := range found {
		running[c.ID] = c.State == container.StateRunning || c.State == container.StatePaused
	}
	for _, env := range living {
		if !running[env.container] {
			env.lose("its container is gone")
		}
	}
	return errors.Join(r.removeStrayContainers(ctx, found, claimed), r.removeStrayVolumes(ctx, claimed))
}

func (r *Runtime) removeStrayContainers(ctx context.Context, found []container.Summary, claimed map[string]bool) error {
	var removals errgroup.Group
	removals.SetLimit(removalsAtOnce)
	for _, c := range found {
		if r.claimedContainer(c, claimed) {
			continue
		}
		removals.Go(func() error {
			r.thaw(ctx, c.ID)
			if err := r.engine.removeContainer(ctx, c.ID); err != nil {
				return fmt.Errorf("remove left-over container %s: %w", c.ID, err)
			}
			r.log.Info("removed a left-over container", "container", c.ID, "environment", c.Labels[labelEnvironment])
			return nil
		})
	}
	return removals.Wait()
}

// thaw lets what a killed server had frozen in a container go on: the engine
// cannot end it otherwise. Where it cannot be done the removal says what is
// wrong.
func (r *Runtime) thaw(ctx context.Context, id string) {
	found, err := r.engine.inspectContainer(ctx, id)
	if err != nil || found.State == nil || found.State.Pid == 0 || r.options.Remote {
		return
	}
	group, err := programGroup(r.options.Groups, found.State.Pid)
	if err == nil && group != nil {
		err = group.ThawAll()
	}
	if err != nil {
		r.log.Debug("a left-over container was not thawed", "container", id, "error", err)
	}
}

func (r *Runtime) claimedContainer(c container.Summary, before map[string]bool) bool {
	for _, name := range c.Names {
		name = strings.TrimPrefix(name, "/")
		if _, claimed := r.claims.holds(name); claimed || before[name] {
			return true
		}
	}
	return false
}

func (r *Runtime) removeStrayVolumes(ctx context.Context, before map[string]bool) error {
	found, err := r.engine.listVolumes(ctx, r.ours())
	if err != nil {
		return fmt.Errorf("list volumes: %w", err)
	}
	for _, v := range found {
		if _, claimed := r.claims.holds(v.Name); claimed || before[v.Name] {
			continue
		}
		if err := r.engine.removeVolume(ctx, v.Name); err != nil {
			return fmt.Errorf("remove left-over volume: %w", err)
		}
		r.log.Info("removed a left-over volume", "volume", v.Name, "environment", v.Labels[labelEnvironment])
	}
	return nil
}

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
	errs := []error{err, adjust.Sweep(r.directory())}
	for _, entry := range entries {
		if _, claimed := r.claims.holds(entry.Name()); !claimed {
			errs = append(errs, os.RemoveAll(filepath.Join(r.environments(), entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// claims are the names of containers and volumes that somebody answers for.
// Whatever bears our mark and is not claimed is left over, and is removed.
type claims struct {
	mu    sync.Mutex
	names map[string]*Environment // nil while it is being made
}

// claim registers a name before the engine is asked to make anything of it.
func (c *claims) claim(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = make(map[string]*Environment)
	}
	c.names[name] = nil
}

// resolve says whose container the name is, once it is ready.
func (c *claims) resolve(name string, env *Environment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, claimed := c.names[name]; claimed {
		c.names[name] = env
	}
}

// drop gives a name up.
func (c *claims) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.names, name)
}

// holds reports whether the name is claimed, and by which environment.
func (c *claims) holds(name string) (env *Environment, claimed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	env, claimed = c.names[name]
	return env, claimed
}

// all are the names that are claimed now.
func (c *claims) all() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make(map[string]bool, len(c.names))
	for name := range c.names {
		names[name] = true
	}
	return names
}

// environments are those that are ready.
func (c *claims) environments() []*Environment {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Environment
	for _, env := range c.names {
		if env != nil {
			all = append(all, env)
		}
	}
	return all
}
