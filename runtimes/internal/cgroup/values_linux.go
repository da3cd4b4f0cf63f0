package cgroup

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// setting is a control file and what to write into it.
type setting struct {
	controller, file, value string
	optional                bool // the kernel may lack the file
}

// SetLimits replaces the limits of the group, also while it runs.
func (g *Group) SetLimits(l Limits) error {
	for _, s := range g.settings(l) {
		err := write(g.file(s.controller, s.file), s.value)
		if err != nil && (!s.optional || !os.IsNotExist(err)) {
			return fmt.Errorf("set %s: %w", s.file, err)
		}
	}
	return nil
}

func (g *Group) settings(l Limits) []setting {
	if g.version == 2 {
		return []setting{
			{"", "memory.max", orMax(l.MemoryBytes), l.MemoryBytes == 0},
			{"", "memory.swap.max", "0", true},
			{"", "memory.oom.group", "0", true},
			{"", "pids.max", orMax(l.Processes), l.Processes == 0},
			{"", "cpu.max", quota(l.CPUs, "max") + " " + strconv.Itoa(cpuPeriod), l.CPUs == 0},
		}
	}
	var s []setting
	if l.MemoryBytes > 0 {
		// The limit of memory and swap may not be below that of memory, so it
		// is lifted first and set last.
		bytes := strconv.FormatInt(l.MemoryBytes, 10)
		s = append(s,
			setting{"memory", "memory.memsw.limit_in_bytes", "-1", true},
			setting{"memory", "memory.limit_in_bytes", bytes, false},
			setting{"memory", "memory.memsw.limit_in_bytes", bytes, true},
			setting{"memory", "memory.swappiness", "0", true})
	}
	if l.Processes > 0 {
		s = append(s, setting{"pids", "pids.max", orMax(l.Processes), false})
	}
	if l.CPUs > 0 {
		s = append(s,
			setting{"cpu", "cpu.cfs_period_us", strconv.Itoa(cpuPeriod), false},
			setting{"cpu", "cpu.cfs_quota_us", quota(l.CPUs, "-1"), false})
	}
	return s
}

func orMax(n int64) string {
	if n <= 0 {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

func quota(cpus float64, none string) string {
	if cpus <= 0 {
		return none
	}
	return strconv.FormatInt(max(int64(math.Round(cpus*cpuPeriod)), 1000), 10)
}

// Limits reads back what is in force in this group, not above it.
func (g *Group) Limits() (Limits, error) {
	var l Limits
	var errs [3]error
	if g.version == 2 {
		l.MemoryBytes, errs[0] = g.number("", "memory.max")
		l.Processes, errs[1] = g.number("", "pids.max")
		l.CPUs, errs[2] = g.cpuMax()
	} else {
		l.MemoryBytes, errs[0] = g.number("memory", "memory.limit_in_bytes")
		l.Processes, errs[1] = g.number("pids", "pids.max")
		l.CPUs, errs[2] = g.cfsQuota()
	}
	return l, errors.Join(errs[:]...)
}

func (g *Group) cfsQuota() (float64, error) {
	quota, err := g.number("cpu", "cpu.cfs_quota_us")
	if err != nil || quota <= 0 {
		return 0, err
	}
	period, err := g.number("cpu", "cpu.cfs_period_us")
	return float64(quota) / float64(max(period, 1)), err
}

func (g *Group) cpuMax() (float64, error) {
	text, err := os.ReadFile(g.file("", "cpu.max"))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) != 2 || fields[0] == "max" {
		return 0, err
	}
	quota, err := strconv.ParseFloat(fields[0], 64)
	period, periodErr := strconv.ParseFloat(fields[1], 64)
	if period <= 0 {
		return 0, errors.Join(err, periodErr)
	}
	return quota / period, errors.Join(err, periodErr)
}

// noLimit is where version 1 begins to mean "no limit": it rounds the largest
// number down to a page.
const noLimit = math.MaxInt64 - 1<<20

// number reads a control file with one number; no limit is zero.
func (g *Group) number(controller, file string) (int64, error) {
	text, err := os.ReadFile(g.file(controller, file))
	if err != nil {
		return 0, err
	}
	value := strings.TrimSpace(string(text))
	if value == "max" {
		return 0, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if n >= noLimit {
		n = 0
	}
	return n, err
}

// Usage returns what the group has used.
func (g *Group) Usage() (Usage, error) {
	if g.version == 2 {
		u := Usage{CPU: time.Duration(g.eventCount("cpu.stat", "usage_usec")) * time.Microsecond}
		if peak, err := g.number("", "memory.peak"); err == nil { // Linux 5.19
			u.PeakMemory = &peak
		}
		return u, nil
	}
	cpu, err := g.number("cpuacct", "cpuacct.usage")
	if err != nil {
		return Usage{}, err
	}
	peak, err := g.number("memory", "memory.max_usage_in_bytes")
	if err != nil {
		return Usage{}, err
	}
	return Usage{CPU: time.Duration(cpu), PeakMemory: &peak}, nil
}

// Memory returns what the group occupies now, in bytes.
func (g *Group) Memory() (int64, error) {
	if g.version == 2 {
		return g.number("", "memory.current")
	}
	return g.number("memory", "memory.usage_in_bytes")
}

// OOMKills returns how many processes of the group the kernel has killed for
// want of memory.
func (g *Group) OOMKills() int64 {
	if g.version == 2 {
		return g.eventCount("memory.events", "oom_kill")
	}
	return g.eventCount("memory.oom_control", "oom_kill")
}

// eventCount reads one line of a file of names and numbers; zero without it.
func (g *Group) eventCount(file, name string) int64 {
	text, err := os.ReadFile(g.file("memory", file))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key == name {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

// delegate turns the controllers on in every group above name (version 2).
func delegate(mount, name string) error {
	at := mount
	for part := range strings.SplitSeq(name, "/") {
		if err := enableControllers(at); err != nil {
			return err
		}
		at = filepath.Join(at, part)
		if err := os.Mkdir(at, 0o755); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

func enableControllers(dir string) error {
	err := write(filepath.Join(dir, "cgroup.subtree_control"), "+memory +pids +cpu")
	if err != nil {
		return fmt.Errorf("turn the controllers on in %s: %w", dir, err)
	}
	return nil
}
