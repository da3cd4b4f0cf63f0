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
// Making a group and removing it takes a third of a millisecond of a processor
// each, so some are kept ready. One that was used is among them only when the
// kernel could make it forget: its counters tell of one execution only.
type groups struct {
	environment, run *cgroup.Group

	uid int // of the agent

	mu     sync.Mutex
	memory int64 // limit of the environment, in bytes; zero is none
	last   int   // name
	slots  int   // given out so far
	free   []int // slots whose groups are no more
	spare  []*group
	closed bool
	work   sync.WaitGroup // making and removing in the background
}

// group is the control group of one execution, and perhaps of a later one.
type group struct {
	*cgroup.Group
	// slot is where the agent keeps the group's descriptors, once known.
	slot  int
	known bool
	// memory is its limit, which is that of the environment when it was made.
	memory int64
}

// maxSpare are the groups that are kept ready: a second one for programs that
// run side by side.
const maxSpare = 2

// newGroups lets an agent of that uid start programs in groups below the
// environment's.
func newGroups(environment *cgroup.Group, processes int64, uid int) (*groups, error) {
	limits, err := environment.Limits()
	if err != nil {
		return nil, fmt.Errorf("read the limits of the environment: %w", err)
	}
	run, err := environment.Child("run", cgroup.Limits{Processes: processes})
	if err != nil {
		return nil, fmt.Errorf("make the group of programs: %w", err)
	}
	g := &groups{environment: environment, run: run, uid: uid, memory: limits.MemoryBytes}
	if err := environment.Delegate(uid); err != nil {
		return nil, errors.Join(fmt.Errorf("let the agent use the groups of programs: %w", err), g.close())
	}
	g.refill()
	return g, nil
}

// take returns a group that tells of no execution yet.
func (g *groups) take() (*group, error) {
	ready := g.pop()
	if ready == nil {
		var err error
		if ready, err = g.create(); err != nil {
			return nil, err
		}
	}
	if limit := g.memoryLimit(); ready.memory != limit { // it has changed since
		if err := ready.SetLimits(cgroup.Limits{MemoryBytes: limit}); err != nil {
			g.giveBack(ready, false)
			return nil, err
		}
		ready.memory = limit
	}
	return ready, ready.Delegate(g.uid)
}

// pop takes a spare group; nil when there is none.
func (g *groups) pop() *group {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.spare) == 0 {
		return nil
	}
	last := len(g.spare) - 1
	ready := g.spare[last]
	g.spare = g.spare[:last]
	return ready
}

// push keeps a group ready, if there is room for it.
func (g *groups) push(ready *group) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.spare) >= maxSpare {
		return false
	}
	if len(g.spare) > 0 { // an idle environment holds the files of one
		g.spare[len(g.spare)-1].Close()
	}
	g.spare = append(g.spare, ready)
	return true
}

func (g *groups) create() (*group, error) {
	g.mu.Lock()
	g.last++
	name, slot, memory := strconv.Itoa(g.last), g.slotLocked(), g.memory
	g.mu.Unlock()
	// The limit of all is each one's too: programs look for it in their own.
	made, err := g.run.Child(name, cgroup.Limits{MemoryBytes: memory})
	if err != nil {
		g.vacate(slot)
		return nil, err
	}
	return &group{Group: made, slot: slot, memory: memory}, nil
}

// memoryLimit is the environment's.
func (g *groups) memoryLimit() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.memory
}

// setMemory changes the limit of groups that are taken from now on, and reports
// whether it was another.
func (g *groups) setMemory(bytes int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	changed := g.memory != bytes
	g.memory = bytes
	return changed
}

// slotLocked returns a slot that no group has.
func (g *groups) slotLocked() int {
	if last := len(g.free) - 1; last >= 0 {
		slot := g.free[last]
		g.free = g.free[:last]
		return slot
	}
	g.slots++
	return g.slots
}

func (g *groups) vacate(slot int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free = append(g.free, slot)
}

// background runs f unless the groups are closed.
func (g *groups) background(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.work.Go(f)
	}
}

// refill makes a group ready when there is none.
func (g *groups) refill() {
	g.mu.Lock()
	stocked := len(g.spare) > 0
	g.mu.Unlock()
	if stocked {
		return
	}
	g.background(func() {
		made, err := g.create()
		if err != nil {
			return // whoever takes one gets the error
		}
		if !g.push(made) {
			g.remove(made)
		}
	})
}

// giveBack takes a group that has no processes any more: renewed, or else away
// from here. One that cannot be removed now goes with the environment.
func (g *groups) giveBack(used *group, renewable bool) {
	if !renewable || !used.Renew() || !g.push(used) {
		used.Close()
		g.background(func() { g.remove(used) })
	}
	g.refill()
}

func (g *groups) remove(used *group) {
	defer g.vacate(used.slot)
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	_ = used.Remove(ctx)
}

// close ends what is left of the programs and removes their groups.
func (g *groups) close() error {
	g.mu.Lock()
	g.closed = true
	for _, ready := range g.spare {
		ready.Close()
	}
	g.mu.Unlock()
	g.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	return errors.Join(g.run.Kill(ctx), g.run.Remove(ctx))
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
