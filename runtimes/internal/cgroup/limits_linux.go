package cgroup

import (
	"errors"
	"fmt"
	"os"
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
		l.CPUs = quota / period // "max" is no number and no limit
	}
	return l, nil
}
