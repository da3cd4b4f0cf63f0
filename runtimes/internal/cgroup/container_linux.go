package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// OpenContainer finds the group in which a container's first process is. It is
// made and removed by the engine; groups may be made below it.
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
	if h.version == V1 {
		if g.sockets, _, err = readNumber(g.at[memory], "memory.limit_in_bytes"); err != nil {
			return nil, err
		}
	}
	return g, g.boundSockets()
}

// OpenV2 uses a directory of a version 2 hierarchy, with whatever controllers
// it offers. It is for tests on hosts that mount version 2 without any.
func OpenV2(dir string) *Group {
	return &Group{version: V2, at: place{dir, dir, dir, dir, dir}}
}

// containerAt reads a /proc/PID/cgroup file.
func (h *Hierarchy) containerAt(text string) (*Group, error) {
	g := &Group{version: h.version}
	for line := range strings.Lines(text) {
		// hierarchy:controllers:path, cgroups(7)
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		for i, name := range controllerNames {
			var m mount
			switch {
			case h.version == V1 && slices.Contains(strings.Split(fields[1], ","), name):
				m, _ = v1Mount(h.mounts, name)
			case h.version == V2 && fields[0] == "0":
				m, _ = v2Mount(h.mounts)
			default:
				continue
			}
			dir, err := m.resolve(fields[2])
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

// resolve finds the directory of a group by its path. The top is refused: no
// container lives there, and what is below it is not ours.
func (m mount) resolve(path string) (string, error) {
	relative, err := filepath.Rel(m.root, path)
	if err != nil || path != filepath.Clean(path) || !filepath.IsLocal(relative) || relative == "." {
		return "", fmt.Errorf("the group %q is not below %s", path, m.point)
	}
	return filepath.Join(m.point, relative), nil
}
