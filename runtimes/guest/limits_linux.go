package guest

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// resources are the names of frame.ResourceLimit.
var resources = map[string]int{
	"data": unix.RLIMIT_DATA, "nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "fsize": unix.RLIMIT_FSIZE,
	"core": unix.RLIMIT_CORE, "memlock": unix.RLIMIT_MEMLOCK, "stack": unix.RLIMIT_STACK, "msgqueue": unix.RLIMIT_MSGQUEUE,
}

// minOpenFiles is what the agent itself needs for a handful of executions.
const minOpenFiles = 64

// setLimits sets limits for the agent and so for all programs. A hard limit
// that is lower already stays.
func setLimits(limits []frame.ResourceLimit) error {
	for _, limit := range limits {
		resource, known := resources[limit.Name]
		if !known {
			return fmt.Errorf("there is no resource limit %q", limit.Name)
		}
		var have syscall.Rlimit
		if err := syscall.Getrlimit(resource, &have); err != nil {
			return fmt.Errorf("read limit %s: %w", limit.Name, err)
		}
		value := limit.Value
		if resource == unix.RLIMIT_NOFILE {
			value = max(value, minOpenFiles)
		}
		value = min(value, have.Max)
		// syscall's, not unix': programs would get back the limit of open
		// files with which the agent began.
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: value, Max: value}); err != nil {
			return fmt.Errorf("set limit %s: %w", limit.Name, err)
		}
	}
	return nil
}

// programLimits are a command's own. RLIMIT_NPROC counts all tasks of the uid,
// so those that are there already come on top, and a keeper.
func (a *agent) programLimits(l frame.Limits) ([]rlimit, error) {
	processes := l.Processes
	if processes > 0 {
		processes += int64(tasks())
		if a.keeps {
			processes++
		}
	}
	var limits []rlimit
	for resource, value := range map[int]int64{unix.RLIMIT_NPROC: processes, unix.RLIMIT_DATA: l.Data} {
		if value == 0 {
			continue
		}
		var have syscall.Rlimit
		if err := syscall.Getrlimit(resource, &have); err != nil {
			return nil, err
		}
		bound := min(uint64(value), have.Max)
		limits = append(limits, rlimit{uintptr(resource), syscall.Rlimit{Cur: bound, Max: bound}})
	}
	return a.addStack(limits, l.Stack)
}

// addStack adds the soft limit of a stack. It is no bound of what a program may
// use, but how far its stack may grow; the hard one is as the agent found it.
func (a *agent) addStack(limits []rlimit, bytes int64) ([]rlimit, error) {
	if bytes == 0 {
		return limits, nil
	}
	var have syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_STACK, &have); err != nil {
		return nil, err
	}
	return append(limits, rlimit{unix.RLIMIT_STACK, syscall.Rlimit{Cur: min(uint64(bytes), have.Max), Max: have.Max}}), nil
}

// readLimits reads the same limits back.
func readLimits(asked []frame.ResourceLimit) ([]frame.ResourceLimit, error) {
	var found []frame.ResourceLimit
	for _, limit := range asked {
		var have syscall.Rlimit
		if err := syscall.Getrlimit(resources[limit.Name], &have); err != nil {
			return nil, fmt.Errorf("read limit %s: %w", limit.Name, err)
		}
		found = append(found, frame.ResourceLimit{Name: limit.Name, Value: have.Cur})
	}
	return found, nil
}
