package cgroup

import "golang.org/x/sys/unix"

// Refused counts the births of processes and threads in this group that the
// kernel has refused because a limit of processes was reached, but for what
// Kill refuses. With version 2 on Linux 6.11 and later it counts those, also in
// groups below, for which the limit was this group's own or of one below.
// Without the controller it is zero.
func (g *Group) Refused() int64 {
	now := g.births()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sealed {
		now = g.sealedAt
	}
	return now - g.refused
}

// births are those that pids.events counts.
func (g *Group) births() int64 {
	return g.counters.refused.events(g.at[pids], "pids.events")
}

// RefusedByLimit counts the births, in this group and those below, for which the
// limit was this group's own. Kernels that count them where they happened, and
// so in Refused of the group below, say zero.
func (g *Group) RefusedByLimit() int64 {
	if g.version == V1 {
		return 0
	}
	return g.counters.refusedHere.events(g.at[pids], "pids.events.local")
}

func (c *counter) events(dir, name string) int64 {
	text, err := c.read(dir, name, unix.O_RDONLY)
	if err != nil {
		return 0
	}
	n, _ := keyed(text, "max")
	return n
}
