package docker

import (
	"context"
	"errors"
	"log/slog"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
)

// agentLink makes the link to an agent that the engine has started as the user
// of the session, so that there is no one to become and nothing to enter.
func agentLink(log *slog.Logger) greeter {
	return func(ctx context.Context, g greeting) (welcome, error) {
		group, err := programGroup(g)
		if err != nil {
			return welcome{}, errors.Join(err, g.conn.Close())
		}
		opened, err := guestlink.Open(ctx, g.conn, guestlink.Options{
			Hello: guestlink.Hello{
				Harden:    guestlink.Harden{NoCapabilities: true, NoNewPrivileges: true, Seccomp: true},
				Env:       g.environment,
				Workspace: workspaceTarget,
			},
			OutputLimit: g.limits.OutputBytes,
			Logger:      log,
		})
		if err != nil {
			return welcome{}, err
		}
		answer := welcome{link: opened, layers: reported(opened.Report()), terminal: opened.Report().Terminal}
		if group != nil {
			if answer.limits, err = readBack(group); err != nil {
				return welcome{}, errors.Join(err, opened.Close())
			}
		}
		return answer, nil
	}
}

// programGroup opens the cgroup of a container on this host, or returns nil.
func programGroup(g greeting) (*cgroup.Group, error) {
	if g.pid == 0 {
		return nil, nil
	}
	hierarchy, err := cgroup.Detect()
	if errors.Is(err, cgroup.ErrUnavailable) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return hierarchy.OpenContainer(g.pid)
}

func readBack(group *cgroup.Group) (runtimes.Limits, error) {
	limits, err := group.Limits()
	if err != nil {
		return runtimes.Limits{}, err
	}
	processes := limits.Processes
	if processes > agentTasks {
		processes -= agentTasks
	}
	return runtimes.Limits{MemoryBytes: limits.MemoryBytes, CPUs: limits.CPUs, Processes: processes}, nil
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
