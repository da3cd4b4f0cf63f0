package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cgroupRoot is where distributions mount the hierarchies, cgroups(7).
const cgroupRoot = "/sys/fs/cgroup"

// oomSourceOf finds the counter of the cgroup in which the process is; every user
// may read it. It returns nil where there is none.
func oomSourceOf(pid int) oomSource {
	if pid == 0 {
		return nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil
	}
	file := oomFile(string(text))
	if _, err := os.Stat(file); err != nil {
		return nil
	}
	return oomFileSource{file}
}

// oomFile reads /proc/PID/cgroup: hierarchy:controllers:path.
func oomFile(text string) string {
	var unified string
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		if fields[1] == "memory" {
			return filepath.Join(cgroupRoot, "memory", fields[2], "memory.oom_control")
		}
		if fields[0] == "0" {
			unified = filepath.Join(cgroupRoot, fields[2], "memory.events")
		}
	}
	return unified
}

// readOOMKills is 0 when the container is gone.
func readOOMKills(file string) int64 {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	kills, _ := oomKills(string(content))
	return kills
}

// oomKills reads the line "oom_kill N" of either file.
func oomKills(content string) (int64, bool) {
	for line := range strings.Lines(content) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "oom_kill" {
			kills, err := strconv.ParseInt(value, 10, 64)
			return kills, err == nil
		}
	}
	return 0, false
}
