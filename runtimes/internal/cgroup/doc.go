// Package cgroup makes control groups from outside of what they bound: one for
// each environment, and below it one for each execution. Limits, the end of a
// tree, the out-of-memory counter and usage come from there.
//
// Detect finds where this process may make them: at the root of the hierarchy,
// in a group of version 2 that was delegated to it, or in a scope that it asks
// systemd for.
//
// Both versions of cgroups(7) are served. With version 1 (also hybrid, when
// memory, pids, cpu, cpuacct and freezer are version 1) a group is a directory
// in each of these hierarchies; that of an execution, in those that it needs.
// With version 2 it is one directory, and because inner groups may hold no
// processes there, the processes of a group that has children live in its child
// "agent".
//
// A Group's methods are safe for use by several goroutines. Groups are the
// server's: programs see them, if at all, read-only.
package cgroup

import "time"

// Limits bound a group and all groups below it. A zero member is no limit.
type Limits struct {
	// MemoryBytes is memory, and memory and swap together.
	MemoryBytes int64
	// CPUs is time per time: 1.5 is one and a half processors.
	CPUs float64
	// Processes counts tasks: processes and threads.
	Processes int64
}

// Controllers are the resources that a group can limit.
type Controllers struct{ Memory, CPU, Processes bool }

// Usage is what all processes of a group, dead and alive, have used. A nil
// member is not known.
type Usage struct {
	CPU *time.Duration
	// PeakMemory is the most that the group was charged for at one time, in
	// bytes: with the pages of files that its processes were the first to read
	// or write.
	PeakMemory *int64
}

// Memory is what a group is charged for at this moment, in bytes.
type Memory struct {
	// Held is what its processes hold: anonymous pages and shared memory, a
	// file on a tmpfs included.
	Held int64
	// Cache is what the kernel keeps for them and can take back: pages of
	// files, and what it remembers of names.
	Cache int64
}

// Version is that of the control groups.
type Version uint8

// The versions.
const (
	V1 Version = iota + 1
	V2
)
