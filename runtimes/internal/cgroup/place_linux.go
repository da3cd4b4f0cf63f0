package cgroup

import (
	"path/filepath"
	"slices"
)

// The controllers that a group is made of. With version 2 cpuacct and freezer
// are part of the core, which every group has.
const (
	memory = iota
	pids
	cpuacct
	freezer
	cpu
	controllerCount
)

var controllerNames = [controllerCount]string{"memory", "pids", "cpuacct", "freezer", "cpu"}

// place is a group's directory for each controller. With version 2 they are
// all the same, with version 1 some may be. "" is a controller that the group
// does not have, or with version 1 for which it has no directory of its own.
type place [controllerCount]string

// placeV2 is the place of a group of version 2 with those controllers.
func placeV2(dir string, c Controllers) place {
	p := place{cpuacct: dir, freezer: dir}
	for i, has := range map[int]bool{memory: c.Memory, pids: c.Processes, cpu: c.CPU} {
		if has {
			p[i] = dir
		}
	}
	return p
}

// controllers are those for which the place has a directory.
func (p place) controllers() Controllers {
	return Controllers{Memory: p[memory] != "", CPU: p[cpu] != "", Processes: p[pids] != ""}
}

// core is the directory of a group of version 2.
func (p place) core() string { return p[freezer] }

// below is the place of a child.
func (p place) below(name string) place {
	for i, dir := range p {
		if dir != "" {
			p[i] = filepath.Join(dir, name)
		}
	}
	return p
}

// distinct are the directories, each once.
func (p place) distinct() []string {
	var dirs []string
	for _, dir := range p {
		if dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
