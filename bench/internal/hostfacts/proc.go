package hostfacts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// readProc reads what Linux tells in files; elsewhere there are none.
func (f *Facts) readProc(dir string) {
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(dir, name))
		return string(text)
	}
	f.CPU = field(read("cpuinfo"), "model name")
	if f.CPU == "" {
		f.CPU = field(read("cpuinfo"), "Model") // arm64 boards
	}
	var kilobytes int64
	if n, _ := fmt.Sscanf(field(read("meminfo"), "MemTotal"), "%d kB", &kilobytes); n == 1 {
		f.MemoryBytes = kilobytes << 10
	}
	f.Kernel = strings.TrimSpace(read("sys/kernel/osrelease"))
	_, _ = fmt.Sscanf(read("loadavg"), "%f", &f.Load1) // zero where there is none
}

// field is the value of the first line "name : value".
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func distribution(file string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// cgroupVersion is 2 where the unified hierarchy is mounted, 1 where
// controllers have their own, 0 where there is neither.
func cgroupVersion(dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "cgroup.controllers")); err == nil {
		return 2
	}
	if _, err := os.Stat(filepath.Join(dir, "memory")); err == nil {
		return 1
	}
	return 0
}
