package guestlink

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
)

// nameProcesses tells what processes of this host are in the environment: their
// numbers there and their names. The dead that nobody has reaped are left out.
func nameProcesses(hostPIDs []int) []runtimes.EndedProcess {
	var found []runtimes.EndedProcess
	for _, pid := range hostPIDs {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			continue // it has ended meanwhile
		}
		if p, lives := parseStatus(string(status)); lives {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b runtimes.EndedProcess) int { return a.PID - b.PID })
	return found[:min(len(found), runtimes.MaxEnded)]
}

// parseStatus reads proc_pid_status(5).
func parseStatus(text string) (p runtimes.EndedProcess, lives bool) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Name":
			p.Name = sentence([]byte(value))
		case "State":
			lives = value != "" && value[0] != 'Z' && value[0] != 'X'
		case "Pid":
			p.PID, _ = strconv.Atoi(value)
		case "NSpid": // in each namespace, the innermost last
			if all := strings.Fields(value); len(all) > 0 {
				p.PID, _ = strconv.Atoi(all[len(all)-1])
			}
		}
	}
	return p, lives && p.PID > 0
}
