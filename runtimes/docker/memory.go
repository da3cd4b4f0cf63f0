package docker

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/docker/docker/api/types/container"

	"github.com/codebeaker/codebeaker/runtimes"
)

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
