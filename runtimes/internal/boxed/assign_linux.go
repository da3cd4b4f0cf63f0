package boxed

import (
	"context"
	"fmt"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
)

// Assign gives the box to a session: see runtimes.Environment. Control groups
// take any limit, the kernel's limits of a process only lower ones. The places
// in memory keep the room that they were made with.
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
	if len(a.Env) == 0 && e.memory(&now) == e.memory(&was) {
		return nil
	}
	return e.link.SetEnv(e.variables(a.Env, e.memory(&now)))
}

// memory is what a program of the box can have by itself.
func (e *Environment) memory(l *runtimes.Limits) int64 {
	return max(l.MemoryBytes, l.ProcessMemoryBytes-e.reserve)
}

// assigned are the limits that are to be in force, or ErrCannotAssign.
func (e *Environment) assigned(was, ask runtimes.Limits) (runtimes.Limits, error) {
	grouped := e.controllers()
	can := guestlink.SettableLimits{
		Memory:        guestlink.Settable{Lower: grouped.Memory || e.reserve == 0, Raise: grouped.Memory},
		Processes:     guestlink.Settable{Lower: true, Raise: grouped.Processes},
		OpenFiles:     guestlink.Settable{Lower: true},
		Disk:          guestlink.Settable{Lower: e.workspace.Resizable(), Raise: e.workspace.Resizable()},
		Output:        guestlink.Settable{Lower: true, Raise: true},
		OfEachProcess: !grouped.Memory,
		CPUs:          func(n float64) bool { return grouped.CPU && cpus.Host().Visible(n) == e.processors },
		Processors:    e.processors,
	}
	return can.Assigned(was, ask)
}

// controllers are those of its group, which limit what they are for; none
// without one.
func (e *Environment) controllers() cgroup.Controllers {
	if e.group == nil {
		return cgroup.Controllers{}
	}
	return e.group.Controllers()
}

// setLimits sets what differs and returns what is in force then.
func (e *Environment) setLimits(ctx context.Context, was, now runtimes.Limits) (runtimes.Limits, error) {
	grouped := e.controllers()
	lowered := e.resourceLimits(was, now)
	found, err := e.link.SetResourceLimits(ctx, lowered)
	if err != nil {
		return was, err
	}
	for i, limit := range found {
		if limit != lowered[i] {
			return was, fmt.Errorf("the limit %q is %d and was to be %d", limit.Name, limit.Value, lowered[i].Value)
		}
	}
	if now.DiskBytes != was.DiskBytes {
		if err := e.workspace.Resize(now.DiskBytes, e.memory(&now)); err != nil {
			return was, err
		}
		now.DiskBytes, now.Inodes = e.workspace.Limits()
	}
	stack := int64(0)
	if grouped.Memory {
		stack = now.MemoryBytes
	}
	e.link.SetProgramLimits(now.Processes, stack)
	e.link.SetOutputLimit(now.OutputBytes)
	if err := e.link.SetLimits(cgroup.Limits{MemoryBytes: now.MemoryBytes, CPUs: now.CPUs, Processes: now.Processes}); err != nil {
		return was, err
	}
	group, err := e.link.Limits()
	if err != nil {
		return was, err
	}
	if grouped.Memory {
		now.MemoryBytes = group.MemoryBytes
	}
	if grouped.Processes {
		now.Processes = group.Processes
	}
	if grouped.CPU {
		now.CPUs = group.CPUs
	}
	return now, nil
}

// resourceLimits are those of a process that are to be lowered.
func (e *Environment) resourceLimits(was, now runtimes.Limits) []guestlink.ResourceLimit {
	grouped := e.controllers()
	var lower []guestlink.ResourceLimit
	add := func(name string, differs bool, value int64) {
		if differs {
			lower = append(lower, guestlink.ResourceLimit{Name: name, Value: uint64(value)})
		}
	}
	add("nofile", now.OpenFiles != was.OpenFiles, now.OpenFiles)
	add("data", !grouped.Memory && now.ProcessMemoryBytes != was.ProcessMemoryBytes, now.ProcessMemoryBytes)
	add("nproc", !grouped.Processes && now.Processes != was.Processes, now.Processes+agentThreads)
	return lower
}
