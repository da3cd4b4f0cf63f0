package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/codebeaker/codebeaker/transport/budget"
)

const (
	// minBudget is the least memory-budget.
	minBudget = 32 << 20
	// ownMemory is what the server takes besides the budget: its code, stacks,
	// tables, and what the collector has not found yet. The runtime's memory limit
	// is so far above the budget, unless GOMEMLIMIT says another.
	ownMemory = 128 << 20
)

// budgets divides memory-budget: held is for messages, kept for what is kept of
// executions, which is output-memory-bytes or half of it.
func (c *Config) budgets() (held *budget.Budget, kept int64) {
	all := c.memoryBudget()
	kept = min(c.OutputMemory, all/2)
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(all + ownMemory)
	}
	return budget.New(budget.Options{Bytes: all - kept, Share: c.KeyMemoryShare}), kept
}

// memoryBudget is memory-budget, or a quarter of what the server may have.
func (c *Config) memoryBudget() int64 {
	if c.MemoryBudget > 0 {
		return c.MemoryBudget
	}
	most := memoryMB() << 20
	if group := groupMemory("/proc/self/cgroup", "/sys/fs/cgroup"); group > 0 && (most == 0 || group < most) {
		most = group
	}
	if most == 0 {
		most = 4 << 30 // a system that does not say
	}
	return max(most/4, minBudget)
}

// connections is how many the server takes, for each takes an open file. Zero is
// any number.
func (c *Config) connections() int {
	files := maxFiles()
	if files <= 0 {
		return 0
	}
	reserved := c.ReservedFiles
	if reserved == 0 {
		reserved = files / 2
	}
	return max(files-reserved, 1)
}

// memoryMB is the machine's memory, zero where it cannot be found.
func memoryMB() int64 { return meminfo("MemTotal") >> 20 }

// meminfo is an amount of the machine's memory in bytes, zero where it cannot be
// found.
func meminfo(name string) int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kilobytes int64
		if n, _ := fmt.Sscanf(lines.Text(), name+": %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	return 0
}

// groupMemory is the least memory limit of a process's control group and of those
// above it, in bytes; zero without one. file is the process's list of groups, root
// where the hierarchies are mounted. In a container the root is its own group,
// whatever the list says.
func groupMemory(file, root string) (least int64) {
	groups, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		dir, name := "", "memory.max"
		if controllers := "," + parts[1] + ","; strings.Contains(controllers, ",memory,") {
			dir, name = "memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			if n := readLimit(filepath.Join(root, dir, group, name)); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}

// readLimit reads a limit; zero is none. Version 1 writes none as a number beyond
// all memory.
func readLimit(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n >= 1<<60 {
		return 0
	}
	return n
}
