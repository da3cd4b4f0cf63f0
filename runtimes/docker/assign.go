package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
)

// Assign gives the container to a session: see runtimes.Environment. What the
// engine can change in a container that runs can be set: memory, processes,
// processor time, and the size of a workspace in memory. In gVisor it can change
// nothing; the limit of processes is the agent's.
func (e *Environment) Assign(ctx context.Context, a runtimes.Assignment) error {
	if e.relay != nil && a.Flows != nil {
		e.relay.Tell(a.Flows)
	}
	was := e.Limits()
	now, err := e.assigned(was, a.Limits)
	if err != nil {
		return err
	}
	if now != was {
		if now, err = e.setLimits(ctx, was, now); err != nil {
			return fmt.Errorf("set the limits of a session: %w", err)
		}
		e.mu.Lock()
		e.limits = now
		e.mu.Unlock()
	}
	if len(a.Env) == 0 && now.MemoryBytes == was.MemoryBytes {
		return nil
	}
	return e.link.SetEnv(e.variables(a.Env, now.MemoryBytes))
}

// assigned are the limits that are to be in force, or ErrCannotAssign.
func (e *Environment) assigned(was, ask runtimes.Limits) (runtimes.Limits, error) {
	both := guestlink.Settable{Lower: true, Raise: true}
	can := guestlink.SettableLimits{
		Output: both,
		CPUs: func(cpus float64) bool {
			return !e.gvisor && was.CPUs != 0 && e.r.machine().Visible(cpus) == e.processors
		},
		Processors: e.processors,
	}
	if was.MemoryBytes > 0 && !e.gvisor {
		can.Memory = both
	}
	if was.Processes > 0 {
		can.Processes = both
	}
	if shared, ok := e.workspace.(sharedPlace); ok && shared.Resizable() {
		can.Disk = both
	}
	if ask.CPUs != 0 {
		ask.CPUs = e.r.possibleCPUs(ask.CPUs)
	}
	return can.Assigned(was, ask)
}

// setLimits sets what differs and returns what is in force then. The engine
// comes last: it has the last word on the container's own group.
func (e *Environment) setLimits(ctx context.Context, was, now runtimes.Limits) (runtimes.Limits, error) {
	if now.DiskBytes != was.DiskBytes {
		place := e.workspace.(sharedPlace)
		if err := place.Resize(now.DiskBytes, now.MemoryBytes); err != nil {
			return was, err
		}
		now.DiskBytes, now.Inodes = place.limits()
	}
	e.link.SetProgramLimits(now.Processes, now.MemoryBytes)
	e.link.SetOutputLimit(now.OutputBytes)
	if now.MemoryBytes == was.MemoryBytes && now.CPUs == was.CPUs && (now.Processes == was.Processes || e.gvisor) {
		return now, nil
	}
	if err := e.link.SetLimits(cgroup.Limits{MemoryBytes: now.MemoryBytes, CPUs: now.CPUs, Processes: now.Processes}); err != nil {
		return was, err
	}
	pids := now.Processes + agentTasks
	err := e.r.engine.update(ctx, e.container, container.Resources{
		Memory: now.MemoryBytes, MemorySwap: now.MemoryBytes, NanoCPUs: int64(now.CPUs * 1e9), PidsLimit: &pids,
	})
	if err != nil {
		return was, fmt.Errorf("update the container: %w", err)
	}
	return e.readBack(ctx, now)
}

// readBack asks the engine, and the kernel where it can be asked, what is in
// force.
func (e *Environment) readBack(ctx context.Context, now runtimes.Limits) (runtimes.Limits, error) {
	found, err := e.r.engine.inspectContainer(ctx, e.container)
	if err != nil {
		return now, err
	}
	told := engineLimits(found.HostConfig)
	now.MemoryBytes, now.CPUs, now.Processes = told.MemoryBytes, told.CPUs, told.Processes
	kernel, err := e.link.Limits()
	if err != nil {
		return now, err
	}
	if kernel.MemoryBytes > 0 {
		now.MemoryBytes = kernel.MemoryBytes
	}
	if kernel.CPUs > 0 {
		now.CPUs = kernel.CPUs
	}
	if kernel.Processes > 0 {
		now.Processes = kernel.Processes
	}
	return now, nil
}
