package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Hierarchy is the host's control groups. The zero value is of no use.
type Hierarchy struct {
	// Version is 1 or 2.
	Version int
	// mounts are the directories of the controllers, by name; version 2 has
	// one, named "".
	mounts map[string]string
	// own is where this process is, by controller.
	own map[string]string
}

// The controllers of version 1 that a group uses. Version 2 has the same, and
// a built-in freezer.
var controllers = []string{"memory", "pids", "cpu", "cpuacct", "freezer"}

// Detect finds the host's control groups and proves that this process may make
// some.
// Errors: ErrUnavailable, wrapped with the reason.
func Detect() (*Hierarchy, error) {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	defer mounts.Close()
	h, err := parse(mounts)
	if err != nil {
		return nil, err
	}
	if h.own, err = memberships("/proc/self/cgroup"); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	if err := h.prove(); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	return h, nil
}

// parse reads mountinfo (proc_pid_mountinfo(5)).
func parse(mountinfo io.Reader) (*Hierarchy, error) {
	v1 := map[string]string{}
	var v2 string
	for lines := bufio.NewScanner(mountinfo); lines.Scan(); {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields, tail := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(tail) < 3 {
			continue
		}
		switch dir := fields[4]; tail[0] {
		case "cgroup2":
			v2 = dir
		case "cgroup":
			for option := range strings.SplitSeq(tail[2], ",") {
				if slices.Contains(controllers, option) {
					v1[option] = dir
				}
			}
		}
	}
	if len(v1) == len(controllers) {
		return &Hierarchy{Version: 1, mounts: v1}, nil
	}
	if v2 == "" || len(v1) > 0 {
		return nil, fmt.Errorf("%w: the controllers %s are not all mounted in one version",
			ErrUnavailable, strings.Join(controllers, ", "))
	}
	return &Hierarchy{Version: 2, mounts: map[string]string{"": v2}}, nil
}

// memberships reads the group of a process by controller (cgroups(7)).
func memberships(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	groups := map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		for name := range strings.SplitSeq(fields[1], ",") {
			groups[name] = fields[2]
		}
	}
	return groups, nil
}

// prove makes a group and removes it.
func (h *Hierarchy) prove() error {
	if os.Geteuid() != 0 && h.Version == 1 {
		return errors.New("version 1 needs root")
	}
	g, err := h.Create(fmt.Sprintf("codebeaker/probe-%d", os.Getpid()), Limits{})
	if err != nil {
		return err
	}
	return g.removeNow()
}

// Create makes a group at name, a slash-separated path below the group root of
// this host, with all groups above it.
func (h *Hierarchy) Create(name string, l Limits) (*Group, error) {
	g := &Group{version: h.Version, dirs: map[string]string{}}
	for controller, mount := range h.mounts {
		g.dirs[controller] = filepath.Join(mount, name)
	}
	if h.Version == 2 {
		if err := delegate(h.mounts[""], name); err != nil {
			return nil, err
		}
	}
	if err := g.make(l); err != nil {
		return nil, err
	}
	return g, nil
}

// OpenContainer returns the group that a container engine made for the process
// with that host pid. Its limits are the engine's. Close of the container
// removes it; the groups below it are ours.
func (h *Hierarchy) OpenContainer(pid int) (*Group, error) {
	found, err := memberships(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil, err
	}
	g := &Group{version: h.Version, dirs: map[string]string{}}
	for controller, mount := range h.mounts {
		at, ok := found[controller]
		if !ok || at == "/" || at == h.own[controller] {
			return nil, fmt.Errorf("process %d has no group of its own for %q", pid, controller)
		}
		g.dirs[controller] = filepath.Join(mount, at)
		if _, err := os.Stat(g.dirs[controller]); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// Sweep ends and removes every group below name that an earlier server left.
func (h *Hierarchy) Sweep(name string) error {
	g := &Group{version: h.Version, dirs: map[string]string{}}
	for controller, mount := range h.mounts {
		g.dirs[controller] = filepath.Join(mount, name)
	}
	if !g.exists() {
		return nil
	}
	if err := g.KillAll(); err != nil {
		return err
	}
	return g.removeNow()
}
