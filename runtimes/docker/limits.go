package docker

import (
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

// limitsInForce are those the kernel names where the container's cgroup can be
// read, else those the engine names. Disk and inodes are the workspace's.
func (c *construction) limitsInForce() runtimes.Limits {
	limits := engineLimits(c.found.HostConfig)
	kernel := c.welcome.limits
	if kernel.MemoryBytes > 0 {
		limits.MemoryBytes = kernel.MemoryBytes
	}
	if kernel.CPUs > 0 {
		limits.CPUs = kernel.CPUs
	}
	if kernel.Processes > 0 {
		limits.Processes = kernel.Processes
	}
	limits.DiskBytes, limits.Inodes = c.workspace.limits()
	limits.SharedMemoryBytes = kernel.SharedMemoryBytes
	limits.HomeBytes, limits.TemporaryBytes = kernel.HomeBytes, kernel.TemporaryBytes
	for _, m := range c.seat.mounts { // what is not in memory has the room of the workspace
		switch m.Target {
		case surroundings.Home:
			limits.HomeBytes = limits.DiskBytes
		case temporaryTarget:
			limits.TemporaryBytes = limits.DiskBytes
		}
	}
	limits.OutputBytes = c.spec.Limits.OutputBytes
	return limits
}

// engineLimits reads what the engine says it enforces. Of the processes programs
// are sure to get that many; the agent leaves them some of its own.
func engineLimits(host *container.HostConfig) runtimes.Limits {
	limits := runtimes.Limits{MemoryBytes: host.Memory, CPUs: float64(host.NanoCPUs) / 1e9}
	if host.PidsLimit != nil && *host.PidsLimit > agentTasks {
		limits.Processes = *host.PidsLimit - agentTasks
	}
	for _, limit := range host.Ulimits {
		if limit.Name == "nofile" {
			limits.OpenFiles = limit.Hard
		}
	}
	return limits
}

// checkMounts refuses a container that the engine gave more than was asked for:
// a volume of the image would be writable without bound. What is in memory is
// not in the engine's list.
func checkMounts(given []container.MountPoint, asked []mount.Mount) error {
	expected := make(map[string]mount.Mount, len(asked))
	for _, m := range asked {
		expected[m.Target] = m
	}
	for _, m := range given {
		if m.Type == mount.TypeTmpfs {
			continue
		}
		want, ok := expected[m.Destination]
		if !ok {
			return fmt.Errorf("the container has a mount at %s that was not asked for", m.Destination)
		}
		if want.ReadOnly && m.RW {
			return fmt.Errorf("the container's mount at %s is writable", m.Destination)
		}
	}
	return nil
}
