package main

import (
	"bufio"
	"fmt"
	"os"
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
