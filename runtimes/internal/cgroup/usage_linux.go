package cgroup

import (
	"time"

	"golang.org/x/sys/unix"
)

// Usage reads what the group has used so far. What the kernel does not tell is
// nil.
func (g *Group) Usage() Usage {
	var u Usage
	if cpu, ok := g.CPU(); ok {
		u.CPU = &cpu
	}
	name := peakV1
	if g.version == V2 {
		name = "memory.peak" // since Linux 5.19
	}
	if peak, ok, err := g.counters.peak.number(g.at[memory], name, g.peakFlags()); err == nil && ok {
		u.PeakMemory = &peak
	}
	return u
}

// peakV1 can be set back.
const peakV1 = "memory.max_usage_in_bytes"

func (g *Group) peakFlags() int {
	if g.version == V1 {
		return unix.O_RDWR
	}
	return unix.O_RDONLY
}

// Memory reads what the group is charged for now, without the groups below it:
// memory.stat, whose figures the kernel brings up to date every two seconds and
// when they have changed much.
func (g *Group) Memory() (m Memory, known bool) {
	text, err := g.counters.stat.read(g.at[memory], "memory.stat", unix.O_RDONLY)
	if err != nil {
		return Memory{}, false
	}
	own, files := "rss", "cache" // anonymous pages; files with shared memory
	if g.version == V2 {
		own, files = "anon", "file"
	}
	anonymous, hasOwn := keyed(text, own)
	all, hasFiles := keyed(text, files)
	shared, hasShared := keyed(text, "shmem")
	names, _ := keyed(text, "slab_reclaimable") // version 2 only
	return Memory{Held: anonymous + shared, Cache: max(all-shared, 0) + names}, hasOwn && hasFiles && hasShared
}

// CPU is the processor time that the group has used so far.
func (g *Group) CPU() (used time.Duration, known bool) {
	if g.version == V2 {
		text, err := g.counters.cpu.read(g.at.core(), "cpu.stat", unix.O_RDONLY)
		n, found := keyed(text, "usage_usec")
		return time.Duration(n) * time.Microsecond, found && err == nil
	}
	n, ok, err := g.counters.cpu.number(g.at[cpuacct], "cpuacct.usage", unix.O_RDONLY)
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Duration(n) - g.spent, ok && err == nil
}

// OOMKills counts the processes of this group that the kernel has ended for
// want of memory, whichever group's limit it was. Version 1 tells since Linux
// 4.13.
func (g *Group) OOMKills() (n int64, known bool) {
	name := "memory.oom_control"
	if g.version == V2 {
		name = "memory.events"
	}
	text, err := g.counters.oom.read(g.at[memory], name, unix.O_RDONLY)
	n, found := keyed(text, "oom_kill")
	return n, found && err == nil
}
