package cgroup

import (
	"fmt"
	"slices"
	"strings"
)

// v2Controllers are what groups of version 2 need.
var v2Controllers = []string{"memory", "pids", "cpu"}

// enableV2 lets the children of a group have controllers. A group other than
// the root may then hold no processes, cgroups(7) "no internal processes":
// those that it has move to the leaf.
func (g *Group) enableV2() error {
	dir := g.at[memory]
	enable, err := offered(dir)
	if err != nil {
		return err
	}
	if !g.root {
		if err := g.moveToLeaf(); err != nil {
			return err
		}
	}
	return write(dir, "cgroup.subtree_control", enable)
}

func (g *Group) moveToLeaf() error {
	own, err := readPIDs(g.at[memory])
	if err != nil || len(own) == 0 {
		return err
	}
	if err := g.makeLeaf(); err != nil {
		return err
	}
	for _, pid := range own {
		if err := write(g.at.below(leafName)[memory], "cgroup.procs", fmt.Sprint(pid)); err != nil && !gone(err) {
			return fmt.Errorf("move process: %w", err)
		}
	}
	return nil
}

// makeLeaf makes the child that holds the processes of an inner group.
func (g *Group) makeLeaf() error { return makeAll(g.at.below(leafName)) }

// offered are those of our controllers that a group could give its children.
// Detect has made sure that it is all of them.
func offered(dir string) (enable string, err error) {
	text, err := read(dir, "cgroup.controllers")
	if err != nil {
		return "", err
	}
	var names []string
	for _, name := range v2Controllers {
		if slices.Contains(strings.Fields(text), name) {
			names = append(names, "+"+name)
		}
	}
	return strings.Join(names, " "), nil
}
