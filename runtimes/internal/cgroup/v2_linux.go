package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// enableV2 lets the children of a group have its controllers.
func (g *Group) enableV2() error {
	dir, enable := g.at.core(), enabling(g.at.controllers())
	if !g.root {
		return settle(dir, leafName, enable)
	}
	if enable == "" {
		return nil
	}
	return write(dir, "cgroup.subtree_control", enable)
}

// lastPause is how long settle waits at most between two attempts.
const lastPause = 200 * time.Millisecond

// settle moves all processes of a group to a child of it and lets its children
// have controllers: a group other than the root may not do both, cgroups(7) "no
// internal processes". Processes that come meanwhile are moved too.
func settle(dir, leaf, enable string) error {
	for pause := time.Duration(0); ; pause = 2*pause + time.Millisecond {
		time.Sleep(pause)
		err := moveAll(dir, filepath.Join(dir, leaf))
		if err == nil && enable != "" {
			err = write(dir, "cgroup.subtree_control", enable)
		}
		if !errors.Is(err, errBusy) || pause > lastPause {
			return err
		}
	}
}

// moveAll moves the processes of a group, if it has any, to another, which is
// made when it is missing.
func moveAll(from, to string) error {
	all, err := readPIDs(from)
	if err != nil || len(all) == 0 {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	for _, pid := range all {
		if err := write(to, "cgroup.procs", fmt.Sprint(pid)); err != nil && !gone(err) {
			return fmt.Errorf("move process: %w", err)
		}
	}
	return nil
}

// enabling is what gives children those controllers.
func enabling(c Controllers) string {
	var names []string
	for _, each := range []struct {
		has  bool
		name string
	}{{c.Memory, "+memory"}, {c.Processes, "+pids"}, {c.CPU, "+cpu"}} {
		if each.has {
			names = append(names, each.name)
		}
	}
	return strings.Join(names, " ")
}

// offered are those of our controllers that a group could give its children.
func offered(dir string) (Controllers, error) {
	text, err := read(dir, "cgroup.controllers")
	if err != nil {
		return Controllers{}, err
	}
	has := func(name string) bool { return slices.Contains(strings.Fields(text), name) }
	return Controllers{Memory: has("memory"), CPU: has("cpu"), Processes: has("pids")}, nil
}
