package cgroup

import (
	"path/filepath"
	"slices"
)

// The controllers that a group is made of. With version 2 cpuacct is part of
// cpu and freezer of the core.
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
// all the same, with version 1 some may be. "" is a controller for which the
// group has no directory of its own.
type place [controllerCount]string

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
