package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// memoryMB is the machine's memory, zero where it cannot be found.
func memoryMB() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kilobytes int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kilobytes); n == 1 {
			return kilobytes >> 10
		}
	}
	return 0
}

// findTools is where `make tools` puts Bun and Deno: .cache/tools/bin in the
// working directory, in that of this program, or above one of them.
func findTools() string {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	for _, dir := range starts {
		for {
			tools := filepath.Join(dir, ".cache", "tools", "bin")
			if _, err := os.Stat(tools); err == nil {
				return tools
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return ""
}
