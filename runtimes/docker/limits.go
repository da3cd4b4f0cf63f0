package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

// limitsInForce are those the kernel names where the container's cgroup can be
// read, else those the engine names. Disk and inodes are the workspace's.
func (c *construction) limitsInForce() runtimes.Limits {
	limits := engineLimits(c.found.HostConfig)
	if c.gvisor { // the engine's counts threads of gVisor's own: see gvisorTasks
		limits.Processes = c.spec.Limits.Processes
	}
	kernel := c.agent.limits
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

// isolationOf lists the layers of a running container: those that the engine's
// description shows and those that the agent finds on itself. A limit counts
// when it was read back.
func isolationOf(c *construction, limits runtimes.Limits) runtimes.Isolation {
	layers := engineLayers(c)
	layers = append(layers, c.agent.layers...)
	if c.workspace.ownUser() {
		layers = append(layers, runtimes.OwnUID)
	}
	layers = append(layers, runtimes.LayersOf(limits)...)
	// The agent is process 1 of the container: its tree ends with it.
	layers = append(layers, runtimes.TreeKill)
	return runtimes.NewIsolation(unique(layers)...)
}

// engineLayers are the namespaces and the root, as the engine describes them.
// A mode that is empty is a namespace of the container's own.
func engineLayers(c *construction) []runtimes.Layer {
	host := c.found.HostConfig
	layers := []runtimes.Layer{runtimes.MountNamespace}
	for _, shown := range []struct {
		layer runtimes.Layer
		is    bool
	}{
		{runtimes.NoHostFiles, host.ReadonlyRootfs},
		{runtimes.PIDNamespace, host.PidMode == ""},
		{runtimes.IPCNamespace, host.IpcMode.IsPrivate() || host.IpcMode.IsNone()},
		{runtimes.UTSNamespace, host.UTSMode == ""},
		{runtimes.NetworkNamespace, host.NetworkMode.IsNone() && c.relay == nil},
		{runtimes.NetworkFilter, host.NetworkMode.IsNone() && c.relay != nil},
		// An engine that cannot enforce a profile refuses to start the container;
		// gVisor does not look at it, and holds the agent's filter.
		{runtimes.SeccompAllowList, slices.Contains(host.SecurityOpt, seccompOption) && !c.gvisor},
		{runtimes.CgroupNamespace, host.CgroupnsMode.IsPrivate() && !c.gvisor},
		{runtimes.GVisor, c.gvisor && host.Runtime == gvisorRuntime && c.r.gvisor.known().isolation.Score > 0},
	} {
		if shown.is {
			layers = append(layers, shown.layer)
		}
	}
	return layers
}

// unique keeps the first of equal layers.
func unique(layers []runtimes.Layer) []runtimes.Layer {
	seen := make(map[runtimes.Layer]bool)
	var kept []runtimes.Layer
	for _, layer := range layers {
		if !seen[layer] {
			seen[layer] = true
			kept = append(kept, layer)
		}
	}
	return kept
}

var _ runtimes.MemoryMeter = (*Environment)(nil)

// Memory is what the container's cgroup is charged with, without file pages
// that nobody uses at present: what a PSS would say, and the kernel's own share.
// The engine's process that stands beside each container counts as well, where
// the server may look at it.
func (e *Environment) Memory(ctx context.Context) (int64, error) {
	inside, err := e.r.engine.memory(ctx, e.container)
	if err != nil {
		return 0, err
	}
	return inside + shimMemory(e.pid), nil
}

// memory takes one sample, which unlike a stream of them does not wait.
func (e *engine) memory(ctx context.Context, id string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, e.read)
	defer cancel()
	reply, err := e.api.ContainerStatsOneShot(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("ask for the container's memory: %w", err)
	}
	defer reply.Body.Close()
	var sample container.StatsResponse
	if err := json.NewDecoder(reply.Body).Decode(&sample); err != nil {
		return 0, fmt.Errorf("read the container's memory: %w", err)
	}
	used := sample.MemoryStats.Usage
	// The name in cgroup v1, and in v2.
	for _, idle := range []string{"total_inactive_file", "inactive_file"} {
		if pages, ok := sample.MemoryStats.Stats[idle]; ok && pages <= used {
			return int64(used - pages), nil
		}
	}
	return int64(used), nil
}

// machineOf is the machine of an engine that says how many processors it has.
func machineOf(processors int) *cpus.Machine {
	if host := cpus.Host(); host.Visible(0) == processors {
		return host // or one like it
	}
	return cpus.New(processors)
}

// systemdGroups reports whether the engine's control groups are systemd's, which
// sets them again as the engine has told it. accessFor has been asked before.
func (r *Runtime) systemdGroups() bool {
	r.access.mu.Lock()
	defer r.access.mu.Unlock()
	return r.access.systemd
}

// machine is where containers run. accessFor has been asked before.
func (r *Runtime) machine() *cpus.Machine {
	r.access.mu.Lock()
	defer r.access.mu.Unlock()
	return r.access.host
}

// processors is how many of them programs see.
func (c *construction) processors() int {
	return c.r.machine().Visible(c.spec.Limits.CPUs)
}

// showProcessors lets a container read of no more processors than its programs
// may use. They count them there where they do not ask for their affinity. An
// engine that does not see the server's files has none to show.
func (c *construction) showProcessors() error {
	n := c.processors()
	if _, shared := c.way.(*sharedAccess); !shared || c.gvisor || n == c.r.machine().Visible(0) {
		return nil
	}
	directory, err := c.r.processorFiles(n)
	if err != nil {
		return fmt.Errorf("write down the processors: %w", err)
	}
	for name, target := range processorTargets {
		c.seat.mounts = append(c.seat.mounts, readOnly(filepath.Join(directory, name), target))
	}
	return nil
}

// processorTargets are where programs count processors.
var processorTargets = map[string]string{
	"stat": "/proc/stat", "cpuinfo": "/proc/cpuinfo", "online": "/sys/devices/system/cpu/online",
}

// processorFiles writes down what tells of the first n processors of this host,
// once for all containers that see so many. It returns the directory.
func (r *Runtime) processorFiles(n int) (string, error) {
	r.access.mu.Lock()
	defer r.access.mu.Unlock()
	directory := filepath.Join(r.directory(), fmt.Sprintf("processors-%d", n))
	if _, err := os.Stat(filepath.Join(directory, "online")); err == nil && r.access.written[n] {
		return directory, nil
	}
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return "", err
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return "", err
	}
	for name, text := range map[string][]byte{"stat": cpus.Stat(stat, n), "cpuinfo": cpus.Info(info, n), "online": cpus.Online(n)} {
		// Containers of an earlier life may have the file: it is replaced.
		draft := filepath.Join(directory, name+".new")
		err := os.WriteFile(draft, text, 0o444)
		if err == nil {
			err = os.Chmod(draft, 0o444) // whatever the umask is
		}
		if err == nil {
			err = os.Rename(draft, filepath.Join(directory, name))
		}
		if err != nil {
			return "", err
		}
	}
	if r.access.written == nil {
		r.access.written = make(map[int]bool)
	}
	r.access.written[n] = true
	return directory, nil
}
