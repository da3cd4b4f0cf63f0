package docker

import (
	"slices"

	"github.com/codebeaker/codebeaker/runtimes"
)

// isolationOf lists the layers of a running container: those that the engine's
// description shows and those that the agent finds on itself. A limit counts
// when it was read back.
func isolationOf(c *construction, limits runtimes.Limits) runtimes.Isolation {
	layers := engineLayers(c)
	layers = append(layers, c.welcome.layers...)
	for _, limited := range []struct {
		layer runtimes.Layer
		is    bool
	}{
		{runtimes.OwnUID, c.workspace.ownUser()},
		{runtimes.CgroupMemory, limits.MemoryBytes > 0},
		{runtimes.CgroupPids, limits.Processes > 0},
		{runtimes.CgroupCPU, limits.CPUs > 0},
		{runtimes.ResourceLimits, limits.OpenFiles > 0},
		{runtimes.DiskQuota, limits.DiskBytes > 0},
		// The agent is process 1 of the container: its tree ends with it.
		{runtimes.TreeKill, true},
	} {
		if limited.is {
			layers = append(layers, limited.layer)
		}
	}
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
		// An engine that cannot enforce a profile refuses to start the container.
		{runtimes.SeccompAllowList, slices.Contains(host.SecurityOpt, seccompOption)},
		{runtimes.CgroupNamespace, host.CgroupnsMode.IsPrivate()},
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
