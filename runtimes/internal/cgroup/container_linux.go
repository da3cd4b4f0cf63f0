package cgroup

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
)

// OpenContainer finds the group in which a container's first process is. It is
// made and removed by the engine; groups may be made below it.
// Errors: ErrUnavailable when this user may not.
func (h *Hierarchy) OpenContainer(hostPID int) (*Group, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", hostPID))
	if err != nil {
		return nil, err
	}
	g, err := h.containerAt(string(text))
	if err != nil {
		return nil, err
	}
	members, err := g.Pids()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(members, hostPID) {
		return nil, fmt.Errorf("process %d is not in the group that it names", hostPID)
	}
	if slices.Contains(members, os.Getpid()) {
		return nil, fmt.Errorf("process %d is in the group of the server", hostPID)
	}
	if err := g.usable(hostPID); err != nil {
		return nil, unavailable(err)
	}
	if h.version == V1 {
		if g.sockets, _, err = readNumber(g.at[memory], "memory.limit_in_bytes"); err != nil {
			return nil, err
		}
	}
	return g, g.boundSockets()
}

// usable says why no groups can be made below one that the process is in. That
// process is to start others in them, which it may as root lets it (Delegate),
// or as who owns them.
func (g *Group) usable(pid int) error {
	if g.version == V1 {
		for _, dir := range g.at.distinct() {
			if err := unix.Access(dir, unix.W_OK); err != nil {
				return fmt.Errorf("%s cannot be written to: %w", dir, err)
			}
		}
		return nil
	}
	if err := writable(g.at.core()); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		return nil
	}
	uid, err := userOf(pid)
	if err == nil && uid != os.Geteuid() {
		err = fmt.Errorf("process %d is of the user %d", pid, uid)
	}
	return err
}

// userOf is the effective uid of a process.
func userOf(pid int) (uid int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, line, _ := strings.Cut(string(text), "\nUid:")
	_, err = fmt.Sscan(line, new(int), &uid) // real, effective
	return uid, err
}

// containerAt reads a /proc/PID/cgroup file.
func (h *Hierarchy) containerAt(text string) (*Group, error) {
	if h.version == V2 {
		return h.containerV2(text)
	}
	g := &Group{version: h.version}
	for _, group := range procfs.ParseGroups(text) {
		for i, name := range controllerNames {
			if !slices.Contains(group.Controllers, name) {
				continue
			}
			m, _ := v1Mount(h.mounts, name)
			dir, err := m.below(group.Path)
			if err != nil {
				return nil, err
			}
			g.at[i] = dir
		}
	}
	for i, name := range controllerNames {
		if g.at[i] == "" {
			return nil, fmt.Errorf("the process is in no %s group", name)
		}
	}
	return g, nil
}

func (h *Hierarchy) containerV2(text string) (*Group, error) {
	group, ok := procfs.Unified(procfs.ParseGroups(text))
	if !ok {
		return nil, errors.New("the process is in no group of version 2")
	}
	m, _ := v2Mount(h.mounts)
	dir, err := m.below(group)
	if err != nil {
		return nil, err
	}
	c, err := offered(dir)
	if err != nil {
		return nil, err
	}
	return &Group{version: V2, at: placeV2(dir, c)}, nil
}
