package cgroup

import (
	"time"
)

// Usage reads what the group has used so far. What the kernel does not tell is
// nil.
func (g *Group) Usage() Usage {
	var u Usage
	if cpu, ok := g.CPU(); ok {
		u.CPU = &cpu
	}
	name := "memory.max_usage_in_bytes"
	if g.version == V2 {
		name = "memory.peak" // since Linux 5.19
	}
	if peak, ok, err := readNumber(g.at[memory], name); err == nil && ok {
		u.PeakMemory = &peak
	}
	return u
}

// CPU is the processor time that the group has used so far.
func (g *Group) CPU() (used time.Duration, known bool) {
	if g.version == V2 {
		n, found, err := readKey(g.at[cpu], "cpu.stat", "usage_usec")
		return time.Duration(n) * time.Microsecond, found && err == nil
	}
	n, ok, err := readNumber(g.at[cpuacct], "cpuacct.usage")
	return time.Duration(n), ok && err == nil
}

// OOMKills counts the processes of this group that the kernel has ended for
// want of memory, whichever group's limit it was. Version 1 tells since Linux
// 4.13.
func (g *Group) OOMKills() (n int64, known bool) {
	name := "memory.oom_control"
	if g.version == V2 {
		name = "memory.events"
	}
	n, found, err := readKey(g.at[memory], name, "oom_kill")
	return n, found && err == nil
}
