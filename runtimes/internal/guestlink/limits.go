package guestlink

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// Limits reads back from the kernel what bounds all programs together: memory
// and processors of the environment's group, in which the agent counts too,
// and processes of the programs alone. Without control groups all are zero.
func (l *Link) Limits() (cgroup.Limits, error) {
	if l.groups == nil {
		return cgroup.Limits{}, nil
	}
	limits, err := l.groups.environment.Limits()
	if err != nil {
		return cgroup.Limits{}, err
	}
	run, err := l.groups.run.Limits()
	limits.Processes = run.Processes
	return limits, err
}

// SetLimits replaces the limits of the environment's group, in which the agent
// counts too, and of the programs alone, their number; also while they run. What
// has a limit of memory by itself keeps it where it is the smaller. Without
// control groups it does nothing.
func (l *Link) SetLimits(environment cgroup.Limits, programs int64) error {
	if l.groups == nil {
		return nil
	}
	if err := l.groups.environment.SetLimits(environment); err != nil {
		return err
	}
	if l.groups.setMemory(environment.MemoryBytes) {
		for _, p := range l.running() {
			if err := p.limitMemory(environment.MemoryBytes); err != nil {
				return err
			}
		}
	}
	return l.groups.run.SetLimits(cgroup.Limits{Processes: programs})
}

// SetCPUs is Options.CPUs, for programs that run too.
func (l *Link) SetCPUs(n float64) { l.share.Resize(n) }

func (l *Link) running() []*process {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.processes))
}

// limitMemory bounds a program that runs by the environment's limit.
func (p *process) limitMemory(bytes int64) (err error) {
	p.act(func() {
		p.group.memory = bytes
		err = p.limitGroup(bytes)
	})
	return err
}

// SetProgramLimits is Options.Processes and Options.StackBytes for programs that
// start from now on.
func (l *Link) SetProgramLimits(processes, stack int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most, l.stack = processes, stack
}

func (l *Link) programLimits() (processes, stack int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most, l.stack
}

// SetOutputLimit is Options.OutputLimit for programs that start from now on.
func (l *Link) SetOutputLimit(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outputLimit = bytes
}

// agentLimits are those of a command that the agent sets: its stack, and those
// that no control group enforces.
func (p *process) agentLimits(l runtimes.CommandLimits) frame.Limits {
	most, usual := p.link.programLimits()
	processes := l.Processes
	if processes == 0 || most > 0 && most < processes {
		processes = most // the session's, which the agent's own limit exceeds by its threads
	}
	if p.link.sharedUser {
		processes = 0
	}
	stack := cmp.Or(l.StackBytes, usual)
	if p.group == nil {
		return frame.Limits{Data: l.MemoryBytes, Processes: processes, CPU: int64(l.CPU), Stack: stack}
	}
	limits := frame.Limits{Stack: stack}
	has := p.group.Controllers()
	if !has.Memory {
		limits.Data = l.MemoryBytes
	}
	if !has.Processes {
		limits.Processes = processes
	}
	return limits
}

// hasOwnLimits tells whether the group of the execution was bounded for it.
func (p *process) hasOwnLimits() bool { return p.limits.MemoryBytes != 0 || p.limits.Processes != 0 }

// limitGroup bounds the group of an execution, in an environment with so much
// memory.
func (p *process) limitGroup(memory int64) error {
	return p.group.SetLimits(cgroup.Limits{
		MemoryBytes: smallest(memory, p.limits.MemoryBytes), Processes: p.limits.Processes,
	})
}

// cpuPoll is how often the processor time of a limited execution is read. The
// limit is overrun by no more than that on each processor.
const cpuPoll = 50 * time.Millisecond

// watchCPU stops a program whose tree has used up its processor time.
func (p *process) watchCPU(limit time.Duration) {
	ticks := time.NewTicker(cpuPoll)
	defer ticks.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-p.link.done:
			return
		case <-ticks.C:
		}
		if used, known := p.group.CPU(); known && used >= limit {
			p.Stop(runtimes.TimeLimitExceeded)
			return
		}
	}
}
