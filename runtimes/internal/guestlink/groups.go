package guestlink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

// Times that the kernel is given to end processes and give up a group. They
// are far beyond what it needs.
const (
	killTimeout   = 5 * time.Second
	removeTimeout = 10 * time.Second
)

// groups are the control groups of the programs of one environment. All of
// them are below one, "run", which has the environment's limit of processes:
// the agent itself is not in it.
//
// Making a group takes a third of a millisecond, so one is kept ready. It is
// never one that was used: its counters tell of one execution only.
type groups struct {
	environment, run *cgroup.Group

	uid int // of the agent; set before the first take

	mu     sync.Mutex
	last   int
	spare  *cgroup.Group
	closed bool
	work   sync.WaitGroup // making and removing in the background
}

func newGroups(environment *cgroup.Group, processes int64) (*groups, error) {
	run, err := environment.Child("run", cgroup.Limits{Processes: processes})
	if err != nil {
		return nil, fmt.Errorf("make the group of programs: %w", err)
	}
	g := &groups{environment: environment, run: run}
	g.refill()
	return g, nil
}

// take returns a new group.
func (g *groups) take() (*cgroup.Group, error) {
	g.mu.Lock()
	ready := g.spare
	g.spare = nil
	g.mu.Unlock()
	if ready == nil {
		var err error
		if ready, err = g.create(); err != nil {
			return nil, err
		}
	}
	return ready, ready.Delegate(g.uid)
}

// admit lets an agent of that uid start programs in the groups.
func (g *groups) admit(uid int) error {
	g.uid = uid
	return g.environment.Delegate(uid)
}

func (g *groups) create() (*cgroup.Group, error) {
	g.mu.Lock()
	g.last++
	name := strconv.Itoa(g.last)
	g.mu.Unlock()
	return g.run.Child(name, cgroup.Limits{})
}

// background runs f unless the groups are closed.
func (g *groups) background(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.work.Go(f)
	}
}

// refill makes the next group ready.
func (g *groups) refill() {
	g.background(func() {
		g.mu.Lock()
		full := g.spare != nil
		g.mu.Unlock()
		if full {
			return
		}
		made, err := g.create()
		if err != nil {
			return // whoever takes one gets the error
		}
		g.mu.Lock()
		if g.spare == nil {
			g.spare, made = made, nil
		}
		g.mu.Unlock()
		if made != nil {
			g.remove(made)
		}
	})
}

// giveBack removes a group that has no processes any more. One that cannot be
// removed now goes with the environment.
func (g *groups) giveBack(used *cgroup.Group) {
	g.background(func() { g.remove(used) })
	g.refill()
}

func (g *groups) remove(used *cgroup.Group) {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	_ = used.Remove(ctx)
}

// close ends what is left of the programs and removes their groups.
func (g *groups) close() error {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	return errors.Join(g.run.Kill(ctx), g.run.Remove(ctx))
}

// home opens the files by which the agent returns to its own group after a
// start: those of the hierarchies in which executions have a group.
func (g *groups) home() ([]*os.File, error) {
	if g.environment.Version() == cgroup.V2 {
		return nil, nil
	}
	return g.environment.Tasks(g.run)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
