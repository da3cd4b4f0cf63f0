// Package leftover marks what a run keeps outside its process, directories and
// containers, and finds what runs that were killed have left.
package leftover

import (
	"os"
	"strconv"
	"strings"
)

// host keeps the processes of machines and containers apart that share an
// engine or a directory.
func host() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// owner names this process.
func owner() string { return host() + "-" + strconv.Itoa(os.Getpid()) }

// gone reports whether the owner was a process of this host that has ended.
func gone(owner string) bool {
	number, ours := strings.CutPrefix(owner, host()+"-")
	pid, err := strconv.Atoi(number)
	return ours && err == nil && pid > 0 && !alive(pid)
}
