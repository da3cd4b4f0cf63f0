package cgroup

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// cpuPeriod is the time over which CPUs are counted, in microseconds: the
// kernel's own default.
const cpuPeriod = 100_000

// cpuQuota is the part of a period; the kernel takes no less than 1 ms.
func cpuQuota(cpus float64) int64 { return max(int64(cpus*cpuPeriod), 1000) }

// SetLimits sets all limits for which the group has a controller; a zero member
// lifts that limit. Memory below what is in use is refused by the kernel with
// version 1, and ends processes with version 2.
func (g *Group) SetLimits(l Limits) error {
	set := g.setLimitsV1
	if g.version == V2 {
		set = g.setLimitsV2
	}
	if err := set(l); err != nil {
		return fmt.Errorf("set limits: %w", err)
	}
	return nil
}

func (g *Group) setLimitsV1(l Limits) error {
	if err := g.setMemoryV1(number(l.MemoryBytes, "-1")); err != nil {
		return err
	}
	if err := write(g.at[pids], "pids.max", number(l.Processes, "max")); err != nil {
		return err
	}
	if g.at[cpu] == "" {
		return nil
	}
	if l.CPUs == 0 {
		return write(g.at[cpu], "cpu.cfs_quota_us", "-1")
	}
	if err := write(g.at[cpu], "cpu.cfs_period_us", number(cpuPeriod, "")); err != nil {
		return err
	}
	return write(g.at[cpu], "cpu.cfs_quota_us", number(cpuQuota(l.CPUs), ""))
}

// setMemoryV1 sets memory, and memory with swap where swap is accounted. The
// second may never be the smaller, so the order depends on the direction.
func (g *Group) setMemoryV1(value string) error {
	const plain, both = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
	err := write(g.at[memory], plain, value)
	if errors.Is(err, errInvalid) {
		if err := write(g.at[memory], both, value); err != nil {
			return err
		}
		return write(g.at[memory], plain, value)
	}
	if err != nil {
		return err
	}
	if err := write(g.at[memory], both, value); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (g *Group) setLimitsV2(l Limits) error {
	if dir := g.at[memory]; dir != "" {
		if err := write(dir, "memory.max", number(l.MemoryBytes, "max")); err != nil {
			return err
		}
		swap := "max"
		if l.MemoryBytes != 0 {
			swap = "0"
		}
		if err := write(dir, "memory.swap.max", swap); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if dir := g.at[pids]; dir != "" {
		if err := write(dir, "pids.max", number(l.Processes, "max")); err != nil {
			return err
		}
	}
	if g.at[cpu] == "" {
		return nil
	}
	quota := "max"
	if l.CPUs != 0 {
		quota = number(cpuQuota(l.CPUs), "")
	}
	return write(g.at[cpu], "cpu.max", fmt.Sprintf("%s %d", quota, cpuPeriod))
}

// Controllers are those by which the group can be limited.
func (g *Group) Controllers() Controllers { return g.at.controllers() }

// Limits reads the limits back from the kernel. What the group cannot limit is
// zero.
func (g *Group) Limits() (Limits, error) {
	if g.version == V2 {
		return g.limitsV2()
	}
	var l Limits
	var err error
	if l.MemoryBytes, _, err = readNumber(g.at[memory], "memory.limit_in_bytes"); err != nil {
		return Limits{}, err
	}
	if l.Processes, _, err = readNumber(g.at[pids], "pids.max"); err != nil || g.at[cpu] == "" {
		return l, err
	}
	quota, limited, err := readNumber(g.at[cpu], "cpu.cfs_quota_us")
	if err != nil || !limited {
		return l, err
	}
	period, _, err := readNumber(g.at[cpu], "cpu.cfs_period_us")
	if err != nil || period == 0 {
		return l, err
	}
	l.CPUs = float64(quota) / float64(period)
	return l, nil
}

func (g *Group) limitsV2() (Limits, error) {
	var l Limits
	var err error
	if dir := g.at[memory]; dir != "" {
		if l.MemoryBytes, _, err = readNumber(dir, "memory.max"); err != nil {
			return Limits{}, err
		}
	}
	if dir := g.at[pids]; dir != "" {
		if l.Processes, _, err = readNumber(dir, "pids.max"); err != nil {
			return Limits{}, err
		}
	}
	if g.at[cpu] == "" {
		return l, nil
	}
	text, err := read(g.at[cpu], "cpu.max")
	if err != nil {
		return Limits{}, err
	}
	var quota, period float64
	if n, _ := fmt.Sscanf(text, "%g %g", &quota, &period); n == 2 && period > 0 {
		l.CPUs = quota / period // "max" is not a number: there is no limit
	}
	return l, nil
}

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

// boundSockets sets the limit of socket buffers, which version 2 counts as
// memory. A kernel that cannot count them has no such file.
func (g *Group) boundSockets() error {
	if g.version != V1 || g.sockets == 0 {
		return nil
	}
	err := write(g.at[memory], "memory.kmem.tcp.limit_in_bytes", number(g.sockets, "-1"))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

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

// Free is how much more memory the group and those below it may be charged for
// before the kernel ends one of its processes: cached files make room. known is
// false without a limit.
func (g *Group) Free() (bytes int64, known bool) {
	limit, usage, prefix, slab := "memory.limit_in_bytes", "memory.usage_in_bytes", "total_", ""
	if g.version == V2 {
		limit, usage, prefix, slab = "memory.max", "memory.current", "", "slab_reclaimable"
	}
	most, limited, err := readNumber(g.at[memory], limit)
	if err != nil || !limited {
		return 0, false
	}
	used, _, err := readNumber(g.at[memory], usage)
	if err != nil {
		return 0, false
	}
	text, err := g.counters.stat.read(g.at[memory], "memory.stat", unix.O_RDONLY)
	if err != nil {
		return 0, false
	}
	for _, key := range []string{prefix + "inactive_file", prefix + "active_file", slab} {
		if n, found := keyed(text, key); found {
			used -= n
		}
	}
	return most - max(used, 0), true
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
