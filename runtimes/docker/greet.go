package docker

import (
	"context"
	"errors"
	"log/slog"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

// agentLink makes the link to an agent that the engine has started as the user
// of the session, so that there is no one to become and nothing to enter.
func agentLink(log *slog.Logger, groups *cgroup.Finder) greeter {
	return func(ctx context.Context, g greeting) (welcome, error) {
		group, err := programGroup(groups, g.pid)
		if err != nil {
			return welcome{}, errors.Join(err, g.conn.Close())
		}
		opened, err := guestlink.Open(ctx, g.conn, guestlink.Options{
			Hello: guestlink.Hello{
				Harden:    guestlink.Harden{NoCapabilities: true, NoNewPrivileges: true, Seccomp: true},
				Env:       g.environment,
				Workspace: workspaceTarget,
				Places:    []string{surroundings.Home, temporaryTarget, sharedMemoryTarget},
				Files:     g.files,
			},
			Group:       group,
			Processes:   g.limits.Processes,
			OutputLimit: g.limits.OutputBytes,
			CPUs:        g.limits.CPUs,
			Machine:     g.machine,
			StackBytes:  g.limits.MemoryBytes, // as far as the memory reaches
			Logger:      log,
		})
		if err != nil {
			return welcome{}, err
		}
		kernel, err := opened.Limits()
		if err != nil {
			return welcome{}, errors.Join(err, opened.Close())
		}
		answer := welcome{
			link: opened, layers: reported(opened.Report()), terminal: opened.Report().Terminal,
			limits: runtimes.Limits{MemoryBytes: kernel.MemoryBytes, CPUs: kernel.CPUs, Processes: kernel.Processes},
		}
		readRooms(&answer.limits, opened.Report())
		if g.files {
			answer.files = opened.Files()
		}
		return answer, nil
	}
}

// programGroup opens the cgroup of the container whose first process that is on
// this host. It returns nil where there is none that the server may use.
func programGroup(groups *cgroup.Finder, pid int) (*cgroup.Group, error) {
	hierarchy := groups.Hierarchy()
	if hierarchy == nil || pid == 0 {
		return nil, nil
	}
	group, err := hierarchy.OpenContainer(pid)
	if errors.Is(err, cgroup.ErrUnavailable) {
		return nil, nil
	}
	return group, err
}

// reported are the layers that the agent found on itself, as the kernel told it.
func reported(r guestlink.Report) []runtimes.Layer {
	var layers []runtimes.Layer
	if r.Harden.NoCapabilities {
		layers = append(layers, runtimes.NoCapabilities)
	}
	if r.Harden.NoNewPrivileges {
		layers = append(layers, runtimes.NoNewPrivileges)
	}
	if r.Harden.Seccomp {
		layers = append(layers, runtimes.Seccomp)
	}
	return layers
}

// readRooms adds what the agent read back of the places besides the workspace.
func readRooms(limits *runtimes.Limits, r guestlink.Report) {
	for _, place := range r.Places {
		switch place.Path {
		case surroundings.Home:
			limits.HomeBytes = place.Bytes
		case temporaryTarget:
			limits.TemporaryBytes = place.Bytes
		case sharedMemoryTarget:
			limits.SharedMemoryBytes = place.Bytes
		}
	}
}
