package docker

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/docker/docker/api/types/container"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/adjust"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

// Assign gives the container to a session: see runtimes.Environment. Memory,
// processes and processor time are set in its control group where that is this
// server's to write, else by the engine, which takes fifty times as long. In
// gVisor nothing of these can be changed; the limit of processes is the agent's.
func (e *Environment) Assign(ctx context.Context, a runtimes.Assignment) error {
	was := e.asked()
	if a.Limits.CPUs != 0 {
		a.Limits.CPUs = e.r.possibleCPUs(a.Limits.CPUs)
	}
	now, err := e.assigned(was, &a)
	if err != nil {
		return err
	}
	if now != was {
		if err := e.setLimits(ctx, was, now, e.diskAsked(&a)); err != nil {
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

// asked are the limits that the container is for.
func (e *Environment) asked() runtimes.Limits {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.made
}

// diskAsked is Spec.DiskAsked of what the container is to be for.
func (e *Environment) diskAsked(a *runtimes.Assignment) bool {
	if shared, ok := e.workspace.(sharedPlace); ok && a.Limits.DiskBytes == 0 {
		return shared.Asked()
	}
	return a.DiskAsked
}

// assigned are the limits that the container is to be for, or ErrCannotAssign.
func (e *Environment) assigned(was runtimes.Limits, a *runtimes.Assignment) (runtimes.Limits, error) {
	either := guestlink.Settable{Lower: true, Raise: true}
	inForce := e.Limits()
	can := guestlink.SettableLimits{
		// The engine holds what it was told at the creation and could hold.
		Memory:    guestlink.Settable{Lower: !e.gvisor, Raise: !e.gvisor, Moot: was.MemoryBytes > 0 && inForce.MemoryBytes == 0},
		Processes: either,
		OpenFiles: guestlink.Settable{},
		Disk:      either,
		Output:    either,
		CPUs:      func(float64) bool { return !e.gvisor },
	}
	now, err := can.Assigned(was, a.Limits)
	if err != nil || now.DiskBytes == was.DiskBytes && now.MemoryBytes == was.MemoryBytes && a.Limits.DiskBytes == 0 {
		return now, err
	}
	fits := true
	switch place := e.workspace.(type) {
	case sharedPlace:
		fits = place.Fits(now.DiskBytes, now.MemoryBytes, e.diskAsked(a))
	case *volumeWorkspace:
		fits = place.onDisk == place.access.onDisk(&now, e.diskAsked(a))
	}
	if !fits {
		err = fmt.Errorf("%w: its workspace cannot become one of %d bytes", runtimes.ErrCannotAssign, now.DiskBytes)
	}
	return now, err
}

// setLimits sets what differs and remembers what is in force then. What may be
// refused comes first.
func (e *Environment) setLimits(ctx context.Context, was, now runtimes.Limits, diskAsked bool) error {
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
	if err := e.setFileSize(was, now); err != nil {
		return err
	}
	limits := e.Limits()
	if now.DiskBytes != was.DiskBytes || now.MemoryBytes != was.MemoryBytes {
		if place, ok := e.workspace.(sharedPlace); ok {
			if err := place.Resize(now.DiskBytes, now.MemoryBytes, diskAsked); err != nil {
				return err
			}
		}
		limits.DiskBytes, limits.Inodes = e.workspace.limits()
	}
	room, err := rooms.Apply()
	if err != nil {
		return err
	}
	for path, bytes := range room {
		switch path {
		case surroundings.Home:
			limits.HomeBytes = bytes
		case temporaryTarget:
			limits.TemporaryBytes = bytes
		case sharedMemoryTarget:
			limits.SharedMemoryBytes = bytes
		}
	}
	if err := covers.Apply(); err != nil {
		return err
	}
	e.link.SetCPUs(now.CPUs)
	e.link.SetOutputLimit(now.OutputBytes)
	limits.OutputBytes = now.OutputBytes
	if err := e.setGroupLimits(ctx, was, now, &limits); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.limits, e.made = limits, now
	return nil
}

// pickRooms gets ready to give the places that live in memory the room that a
// container with the new limit of memory has. Where this server may not, they
// keep what they have, which must not be less.
func (e *Environment) pickRooms(was, now runtimes.Limits) (*adjust.Rooms, error) {
	before, after := shareOf(was.MemoryBytes), shareOf(now.MemoryBytes)
	if before == after {
		return &adjust.Rooms{}, nil
	}
	var places []adjust.Place
	for _, path := range e.scratch {
		place := adjust.Place{Path: path, Was: before, Bytes: after}
		if path != sharedMemoryTarget { // whose inodes the engine leaves to the kernel
			place.Inodes = inodesOf(after)
		}
		places = append(places, place)
	}
	err := error(adjust.ErrRefused)
	if e.pid != 0 && os.Geteuid() == 0 {
		var rooms *adjust.Rooms
		if rooms, err = adjust.PickRooms(e.pid, places); err == nil {
			return rooms, nil
		}
	}
	if after < before {
		return &adjust.Rooms{}, nil
	}
	return nil, fmt.Errorf("%w: its places in memory have room for %d bytes: %w", runtimes.ErrCannotAssign, before, err)
}

// pickProcessors gets ready to let files tell of as many processors as programs
// may use now, where they tell of the session's.
func (e *Environment) pickProcessors(was, now runtimes.Limits) (*adjust.Covers, error) {
	machine := e.r.machine()
	n := machine.Visible(now.CPUs)
	if _, shared := e.workspace.(sharedPlace); !shared || n == machine.Visible(was.CPUs) {
		return &adjust.Covers{}, nil
	}
	err := error(adjust.ErrRefused)
	if e.pid != 0 && os.Geteuid() == 0 {
		var covers *adjust.Covers
		covers, err = adjust.PickProcessors(e.pid, e.r.directory(), processorFiles, n, n == machine.Visible(0))
		if err == nil {
			return covers, nil
		}
	}
	return nil, fmt.Errorf("%w: its programs see other processors: %w", runtimes.ErrCannotAssign, err)
}

// processorFiles are where programs count processors besides /proc.
var processorFiles = adjust.ProcessorFiles{Online: processorTargets["online"]}

// setFileSize sets how long a file may become. Where this server may not, it
// stays as it is, which must not be less.
func (e *Environment) setFileSize(was, now runtimes.Limits) error {
	before, after := fileSize(e.workspace, &was), fileSize(e.workspace, &now)
	if before == after {
		return nil
	}
	err := error(adjust.ErrRefused)
	if e.pid != 0 && before != 0 && after != 0 {
		_, err = adjust.ResourceLimits(e.pid, []adjust.ResourceLimit{{Resource: adjust.FileSize, Was: uint64(before), Now: uint64(after)}})
	}
	if !errors.Is(err, adjust.ErrRefused) {
		return err
	}
	if before == 0 || after != 0 && after < before {
		return nil
	}
	return fmt.Errorf("%w: its files cannot become longer than %d bytes: %w", runtimes.ErrCannotAssign, before, err)
}

// setGroupLimits sets those of all programs together. The engine has the last
// word where it keeps setting what it was told (systemd), or nobody else can.
func (e *Environment) setGroupLimits(ctx context.Context, was, now runtimes.Limits, limits *runtimes.Limits) error {
	e.link.SetProgramLimits(now.Processes, now.MemoryBytes)
	if e.gvisor { // nothing else but the agent's number of processes can differ
		limits.Processes = now.Processes
		return nil
	}
	if now.MemoryBytes == was.MemoryBytes && now.CPUs == was.CPUs && now.Processes == was.Processes {
		return nil
	}
	pids := now.Processes
	if pids > 0 {
		pids += agentTasks
	}
	if err := e.link.SetLimits(cgroup.Limits{MemoryBytes: now.MemoryBytes, CPUs: now.CPUs, Processes: pids}, now.Processes); err != nil {
		return err
	}
	if kernel, err := e.link.Limits(); err == nil && kernel.MemoryBytes > 0 && !e.r.systemdGroups() {
		limits.MemoryBytes, limits.CPUs, limits.Processes = kernel.MemoryBytes, kernel.CPUs, kernel.Processes
		return nil
	}
	err := e.r.engine.update(ctx, e.container, container.Resources{
		Memory: now.MemoryBytes, MemorySwap: now.MemoryBytes, NanoCPUs: int64(now.CPUs * 1e9), PidsLimit: &pids,
	})
	if err != nil {
		return fmt.Errorf("update the container: %w", err)
	}
	return e.readBack(ctx, limits)
}

// readBack asks the engine, and the kernel where it can be asked, what is in
// force.
func (e *Environment) readBack(ctx context.Context, limits *runtimes.Limits) error {
	found, err := e.r.engine.inspectContainer(ctx, e.container)
	if err != nil {
		return err
	}
	told := engineLimits(found.HostConfig)
	limits.MemoryBytes, limits.CPUs, limits.Processes = told.MemoryBytes, told.CPUs, told.Processes
	kernel, err := e.link.Limits()
	if err != nil {
		return err
	}
	if kernel.MemoryBytes > 0 {
		limits.MemoryBytes = kernel.MemoryBytes
	}
	if kernel.CPUs > 0 {
		limits.CPUs = kernel.CPUs
	}
	if kernel.Processes > 0 {
		limits.Processes = kernel.Processes
	}
	return nil
}
