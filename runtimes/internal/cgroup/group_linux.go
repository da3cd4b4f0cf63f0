package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Group is one control group, in every controller. Its methods are safe for
// use by several goroutines, except that none may follow Remove.
type Group struct {
	version int
	dirs    map[string]string // by controller; version 2 has one, ""
}

// dir is the directory that has the files of the controller.
func (g *Group) dir(controller string) string {
	if g.version == 2 {
		return g.dirs[""]
	}
	return g.dirs[controller]
}

func (g *Group) file(controller, name string) string {
	return filepath.Join(g.dir(controller), name)
}

// distinct are the directories, each once: cpu and cpuacct may share one.
func (g *Group) distinct() []string {
	var dirs []string
	seen := map[string]bool{}
	for _, controller := range controllers {
		if dir := g.dir(controller); !seen[dir] {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func (g *Group) exists() bool {
	_, err := os.Stat(g.dir("pids"))
	return err == nil
}

func (g *Group) make(l Limits) error {
	for _, dir := range g.distinct() {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return errors.Join(fmt.Errorf("make control group: %w", err), g.removeNow())
		}
	}
	if err := g.SetLimits(l); err != nil {
		return errors.Join(err, g.removeNow())
	}
	return nil
}

// Child makes a group below g.
func (g *Group) Child(name string, l Limits) (*Group, error) {
	child := &Group{version: g.version, dirs: map[string]string{}}
	for controller, dir := range g.dirs {
		child.dirs[controller] = filepath.Join(dir, name)
	}
	if g.version == 2 {
		if err := enableControllers(g.dirs[""]); err != nil {
			return nil, err
		}
	}
	if err := child.make(l); err != nil {
		return nil, err
	}
	return child, nil
}

// Add moves a process, all of its threads, into the group.
func (g *Group) Add(pid int) error {
	for _, dir := range g.distinct() {
		if err := write(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("add process %d to its control group: %w", pid, err)
		}
	}
	return nil
}

// Doors opens the files through which a thread (version 1) or a process
// (version 2) that writes "0" enters the group. Whoever holds them needs no
// other permission: the kernel asks for that of the one who opened them. The
// caller closes them.
func (g *Group) Doors() ([]*os.File, error) {
	name := "tasks"
	if g.version == 2 {
		name = "cgroup.procs"
	}
	var doors []*os.File
	for _, dir := range g.distinct() {
		door, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
		if err != nil {
			for _, door := range doors {
				door.Close()
			}
			return nil, fmt.Errorf("open control group: %w", err)
		}
		doors = append(doors, door)
	}
	return doors, nil
}

// PerThread reports whether a single thread can enter a group.
func (g *Group) PerThread() bool { return g.version == 1 }

// Pids returns the host pids of the group and of the groups below it.
func (g *Group) Pids() ([]int, error) {
	var pids []int
	err := filepath.WalkDir(g.dir("pids"), func(path string, entry os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || !entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		if err != nil {
			return ignoreGone(err)
		}
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids, err
}

// Signal sends a signal to every process of the group.
func (g *Group) Signal(sig syscall.Signal) error {
	pids, err := g.Pids()
	for _, pid := range pids {
		_ = syscall.Kill(pid, sig)
	}
	return err
}

// Remove removes the group, which must be empty or about to be: a task that
// dies keeps its group for a moment.
// Errors: ctx's cause, or the kernel's.
func (g *Group) Remove(ctx context.Context) error {
	for wait := 100 * time.Microsecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := g.removeNow()
		if err == nil || !errors.Is(err, syscall.EBUSY) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// removeNow removes the group and those below it.
func (g *Group) removeNow() error {
	var first error
	for _, dir := range g.distinct() {
		if err := removeTree(dir); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// removeTree removes a directory and those below it. Only directories can be
// removed in a control group file system.
func removeTree(dir string) error {
	err := syscall.Rmdir(dir)
	if err == nil || errors.Is(err, syscall.ENOENT) {
		return nil
	}
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		return ignoreGone(readErr)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, syscall.ENOENT) {
		return &os.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
		return nil
	}
	return err
}

// write writes a control file.
func write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
