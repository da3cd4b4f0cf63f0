package cgroup

import "golang.org/x/sys/unix"

// remnant is how much memory a group without processes may still be charged
// for, in bytes, to count as empty: the kernel keeps some of what it was given
// back ready on each processor, and takes the next charges from there.
const remnant = 768 << 10

// Renew makes a group, whose processes have all ended and none for want of
// memory, ready for others: what it has used is forgotten. It reports false when
// it could be told from a new one, and is to be removed: when memory stays
// charged to it (files that its processes have read or written), after Kill had
// something to end, and always with version 2, whose counters only grow. Limits
// stay.
func (g *Group) Renew() bool {
	g.mu.Lock()
	renewable := g.version == V1 && !g.sealed && !g.inner
	g.mu.Unlock()
	if !renewable {
		return false
	}
	if used, _, err := g.counters.memory.number(g.at[memory], "memory.usage_in_bytes", unix.O_RDONLY); err != nil || used > remnant {
		return false
	}
	if g.counters.peak.zero(g.at[memory], peakV1) != nil {
		return false
	}
	used, known := g.CPU()
	refused := g.births()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused = refused
	g.spent += used
	return known
}
