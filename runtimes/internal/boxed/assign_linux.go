package boxed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/adjust"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
)

// Assign gives the box to a session: see runtimes.Environment. Control groups
// take any limit, the kernel's limits of a process only lower ones unless the
// server is root, as the places in memory want it to be.
func (e *Environment) Assign(_ context.Context, a runtimes.Assignment) error {
	was := e.asked()
	now, err := e.assigned(was, &a)
	if err != nil {
		return err
	}
	if now != was {
		if err := e.setLimits(was, now, e.diskAsked(&a)); err != nil {
			return fmt.Errorf("set the limits of a session: %w", err)
		}
	}
	if e.relay != nil && a.Flows != nil {
		e.relay.Tell(a.Flows)
	}
	if len(a.Env) == 0 && now.MemoryBytes == was.MemoryBytes && now.CPUs == was.CPUs {
		return nil
	}
	return e.link.SetEnv(e.variables(a.Env, &now))
}

// asked are the limits that the box is for.
func (e *Environment) asked() runtimes.Limits {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.made
}

// diskAsked is CreateOptions.Asked of the workspace.
func (e *Environment) diskAsked(a *runtimes.Assignment) bool {
	if a.Limits.DiskBytes == 0 {
		return e.workspace.Asked()
	}
	return a.DiskAsked
}

// assigned are the limits that the box is to be for, or ErrCannotAssign.
func (e *Environment) assigned(was runtimes.Limits, a *runtimes.Assignment) (runtimes.Limits, error) {
	grouped, root := e.controllers(), os.Geteuid() == 0
	either := guestlink.Settable{Lower: true, Raise: true}
	can := guestlink.SettableLimits{
		Memory:    guestlink.Settable{Lower: true, Raise: grouped.Memory || root},
		Processes: guestlink.Settable{Lower: true, Raise: grouped.Processes || root},
		OpenFiles: guestlink.Settable{Lower: true},
		Disk:      either,
		Inodes:    guestlink.Settable{Moot: true},
		Output:    either,
		CPUs:      func(n float64) bool { return root || cpus.Host().Visible(n) == cpus.Host().Visible(was.CPUs) },
	}
	now, err := can.Assigned(was, a.Limits)
	if err == nil && (now.DiskBytes != was.DiskBytes || now.MemoryBytes != was.MemoryBytes || a.Limits.DiskBytes != 0) &&
		!e.workspace.Fits(now.DiskBytes, now.MemoryBytes, e.diskAsked(a)) {
		err = fmt.Errorf("%w: its workspace cannot become one of %d bytes", runtimes.ErrCannotAssign, now.DiskBytes)
	}
	return now, err
}

// controllers are those of its group, which limit what they are for; none
// without one.
func (e *Environment) controllers() cgroup.Controllers {
	if e.group == nil {
		return cgroup.Controllers{}
	}
	return e.group.Controllers()
}

// setLimits sets what differs and remembers what is in force then. What the
// kernel may refuse comes first.
func (e *Environment) setLimits(was, now runtimes.Limits, diskAsked bool) error {
	rooms, err := e.pickRooms(was, now)
	if err != nil {
		return err
	}
	defer rooms.Close()
	covers, err := e.pickProcessors(was, now)
	if err != nil {
		return err
	}
	defer covers.Close()
	limits := e.Limits()
	if err := e.setResourceLimits(was, now, &limits); err != nil {
		return err
	}
	if now.DiskBytes != was.DiskBytes || now.MemoryBytes != was.MemoryBytes {
		if err := e.workspace.Resize(now.DiskBytes, now.MemoryBytes, diskAsked); err != nil {
			return err
		}
		limits.DiskBytes, limits.Inodes = e.workspace.Limits()
	}
	room, err := rooms.Apply()
	if err != nil {
		return err
	}
	for path, bytes := range room {
		if place := placeOf(&limits, path); place != nil {
			*place = bytes
		}
	}
	if err := covers.Apply(); err != nil {
		return err
	}
	e.link.SetCPUs(now.CPUs)
	e.link.SetOutputLimit(now.OutputBytes)
	limits.OutputBytes = now.OutputBytes
	if err := e.setGroupLimits(was, now, &limits); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.limits, e.made = limits, now
	return nil
}

// pickRooms gets ready to give the places that live in memory the room that a
// box with the new limit of memory has. Where this server may not, they keep what
// they have, which must not be less.
func (e *Environment) pickRooms(was, now runtimes.Limits) (*adjust.Rooms, error) {
	before, after := inMemory(was.MemoryBytes), inMemory(now.MemoryBytes)
	if before == after {
		return &adjust.Rooms{}, nil
	}
	var places []adjust.Place
	for _, path := range e.scratch {
		places = append(places, adjust.Place{Path: path, Was: before.Bytes, Bytes: after.Bytes, Inodes: after.Inodes})
	}
	rooms, err := adjust.PickRooms(e.box.PID(), places)
	switch {
	case err == nil:
		return rooms, nil
	case after.Bytes < before.Bytes:
		return &adjust.Rooms{}, nil
	}
	return nil, fmt.Errorf("%w: its places in memory have room for %d bytes: %w", runtimes.ErrCannotAssign, before.Bytes, err)
}

// pickProcessors gets ready to let /proc tell of as many processors as programs
// may use now.
func (e *Environment) pickProcessors(was, now runtimes.Limits) (*adjust.Covers, error) {
	host := cpus.Host()
	n := host.Visible(now.CPUs)
	if n == host.Visible(was.CPUs) {
		return &adjust.Covers{}, nil
	}
	covers, err := adjust.PickProcessors(e.box.PID(), e.directory, adjust.ProcessorFiles{}, n, n == host.Visible(0))
	if err != nil {
		return nil, fmt.Errorf("%w: its programs see other processors: %w", runtimes.ErrCannotAssign, err)
	}
	return covers, nil
}

// placeOf is the limit that tells of a place; nil for one that none tells of.
func placeOf(limits *runtimes.Limits, path string) *int64 {
	switch path {
	case Home:
		return &limits.HomeBytes
	case temporary:
		return &limits.TemporaryBytes
	case sharedMemory:
		return &limits.SharedMemoryBytes
	}
	return nil
}

// leastOpenFiles is what the agent itself needs.
const leastOpenFiles = 64

// setResourceLimits sets those of the agent and of what it has started.
func (e *Environment) setResourceLimits(was, now runtimes.Limits, limits *runtimes.Limits) error {
	grouped := e.controllers()
	var change []adjust.ResourceLimit
	var read []func(int64)
	add := func(resource int, was, now int64, inForce func(int64)) {
		if was == now {
			return
		}
		before := uint64(was)
		if was == 0 {
			before = math.MaxUint64 // RLIM_INFINITY
		}
		change = append(change, adjust.ResourceLimit{Resource: resource, Was: before, Now: uint64(now)})
		read = append(read, inForce)
	}
	plus := func(limit, more int64) int64 {
		if limit == 0 {
			return 0
		}
		return limit + more
	}
	if !grouped.Memory {
		add(unix.RLIMIT_DATA, plus(was.MemoryBytes, e.reserve), plus(now.MemoryBytes, e.reserve), func(found int64) {
			limits.ProcessMemoryBytes = found
		})
	}
	if !grouped.Processes {
		add(unix.RLIMIT_NPROC, plus(was.Processes, agentThreads), plus(now.Processes, agentThreads), func(found int64) {
			limits.Processes = max(found-agentThreads, 0)
		})
	}
	if now.OpenFiles != was.OpenFiles {
		add(unix.RLIMIT_NOFILE, limits.OpenFiles, max(leastOpenFiles, now.OpenFiles), func(found int64) { limits.OpenFiles = found })
	}
	inForce, err := adjust.ResourceLimits(e.box.PID(), change)
	if errors.Is(err, adjust.ErrRefused) {
		return fmt.Errorf("%w: %w", runtimes.ErrCannotAssign, err)
	}
	for i, value := range inForce {
		read[i](int64(value))
	}
	return err
}

// setGroupLimits sets those of all programs together.
func (e *Environment) setGroupLimits(was, now runtimes.Limits, limits *runtimes.Limits) error {
	grouped := e.controllers()
	stack := int64(0)
	if grouped.Memory {
		stack = now.MemoryBytes
	}
	e.link.SetProgramLimits(now.Processes, stack)
	if now.MemoryBytes == was.MemoryBytes && now.CPUs == was.CPUs && now.Processes == was.Processes {
		return nil
	}
	if err := e.link.SetLimits(cgroup.Limits{MemoryBytes: now.MemoryBytes, CPUs: now.CPUs}, now.Processes); err != nil {
		return err
	}
	group, err := e.link.Limits()
	if err != nil {
		return err
	}
	if grouped.Memory {
		limits.MemoryBytes = group.MemoryBytes
	}
	if grouped.Processes {
		limits.Processes = group.Processes
	}
	if grouped.CPU {
		limits.CPUs = group.CPUs
	}
	return nil
}
