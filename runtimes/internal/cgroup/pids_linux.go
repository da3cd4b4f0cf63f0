package cgroup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pids are the processes of the group and of all groups below it, as the
// server's pid namespace counts them.
func (g *Group) Pids() ([]int, error) {
	g.mu.Lock()
	inner := g.inner
	g.mu.Unlock()
	top := g.at[pids]
	if g.version == V2 {
		top = g.at.core()
	}
	if !inner {
		return readPIDs(top)
	}
	var all []int
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return ignoreGone(err)
		}
		some, err := readPIDs(path)
		all = append(all, some...)
		return ignoreGone(err)
	})
	return all, err
}

func readPIDs(dir string) ([]int, error) {
	text, err := readAll(dir, "cgroup.procs")
	if err != nil {
		return nil, err
	}
	var all []int
	for _, field := range bytes.Fields(text) {
		pid, err := strconv.Atoi(string(field))
		if err != nil {
			return nil, err
		}
		if pid > 0 { // zero is a process that our namespace does not see
			all = append(all, pid)
		}
	}
	return all, nil
}

// Full tells that a process that moves itself into the group would exceed its
// limit of processes. Version 1 lets it; with version 2 the kernel refuses the
// birth of one.
func (g *Group) Full() bool {
	if g.version == V2 {
		return false
	}
	limit, limited, err := g.counters.limit.number(g.at[pids], "pids.max", unix.O_RDONLY)
	if err != nil || !limited {
		return false
	}
	n, _, err := g.counters.tasks.number(g.at[pids], "pids.current", unix.O_RDONLY)
	return err == nil && n >= limit
}

// gone reports whether what the error is about has ceased to be.
func gone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ESRCH)
}

func ignoreGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}

// Signal sends a signal to all processes of the group and returns how many
// there were. New ones that come meanwhile may be missed; Kill misses none.
func (g *Group) Signal(sig syscall.Signal) (int, error) {
	all, err := g.Pids()
	if err != nil {
		return 0, err
	}
	for _, pid := range all {
		if err := syscall.Kill(pid, sig); err != nil && !gone(err) {
			return 0, err
		}
	}
	return len(all), nil
}
