package docker

import (
	"context"
	"fmt"
	"math"

	"github.com/docker/docker/api/types/container"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
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
	now, err := e.late(was, a.Limits)
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

// late are the limits that are to be in force, or ErrCannotAssign.
func (e *Environment) late(was, ask runtimes.Limits) (runtimes.Limits, error) {
	now := was
	shared, ok := e.workspace.(sharedPlace)
	resizable := ok && shared.Resizable()
	for _, limit := range []struct {
		name string
		ask  int64
		now  *int64
		set  bool // it can be
	}{
		{"memory", ask.MemoryBytes, &now.MemoryBytes, was.MemoryBytes > 0 && !e.gvisor},
		{"processes", ask.Processes, &now.Processes, was.Processes > 0},
		{"open files", ask.OpenFiles, &now.OpenFiles, false},
		{"disk", ask.DiskBytes, &now.DiskBytes, resizable},
		{"files", ask.Inodes, &now.Inodes, false},
		{"output", ask.OutputBytes, &now.OutputBytes, true},
	} {
		if limit.ask == 0 || limit.ask == *limit.now {
			continue
		}
		if !limit.set {
			return was, fmt.Errorf("%w: its limit of %s is %d and cannot become %d",
				runtimes.ErrCannotAssign, limit.name, *limit.now, limit.ask)
		}
		*limit.now = limit.ask
	}
	if cpus := e.r.possibleCPUs(ask.CPUs); ask.CPUs != 0 && math.Abs(cpus-was.CPUs) > 0.001 {
		if e.gvisor {
			return was, fmt.Errorf("%w: gVisor's limit of processors is set when it starts", runtimes.ErrCannotAssign)
		}
		if e.r.machine().Visible(cpus) != e.processors || was.CPUs == 0 {
			return was, fmt.Errorf("%w: its programs see %d processors", runtimes.ErrCannotAssign, e.processors)
		}
		now.CPUs = cpus
	}
	return now, nil
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
