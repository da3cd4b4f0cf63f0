package cgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Group is one control group. The zero value is not usable.
type Group struct {
	version Version
	at      place
	root    bool // of the hierarchy: its processes are not ours to move
	// sockets bounds what waits in sockets, in bytes; zero does not. Version 1
	// counts it apart from memory, and for each group by itself, so a group
	// without a limit of its own takes that of the one above.
	sockets int64

	counters counters

	mu     sync.Mutex
	inner  bool          // it has, or had, children
	sealed bool          // Kill has set the limit of processes to none
	spent  time.Duration // by processes of before Renew
	// refused are births that were refused before Renew, and sealedAt all until
	// Kill set that limit.
	refused, sealedAt int64
}

// leafName is the child that holds the processes of an inner group of version 2.
const leafName = "agent"

// Child makes a group below g. With version 1 it has a directory of its own in
// the cpu hierarchy only when it has a limit there, and none in the freezer
// hierarchy; its processes stay in g's.
func (g *Group) Child(name string, l Limits) (*Group, error) {
	return g.child(name, l, false)
}

func (g *Group) child(name string, l Limits, whole bool) (*Group, error) {
	if err := g.prepare(); err != nil {
		return nil, err
	}
	c := &Group{version: g.version, at: g.at.below(name)}
	if g.version == V1 && !whole && l.CPUs == 0 && c.at[cpu] != c.at[cpuacct] {
		c.at[cpu] = ""
	}
	if g.version == V1 && !whole {
		c.at[freezer] = ""
	}
	for i, dir := range c.at.distinct() {
		if err := os.Mkdir(dir, 0o755); err != nil {
			for _, made := range c.at.distinct()[:i] {
				os.Remove(made)
			}
			return nil, err
		}
	}
	c.sockets = g.sockets
	if l.MemoryBytes > 0 {
		c.sockets = l.MemoryBytes
	}
	if err := c.boundSockets(); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	if l == (Limits{}) {
		return c, nil
	}
	if err := c.SetLimits(l); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

// prepare lets a group have children.
func (g *Group) prepare() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inner {
		return nil
	}
	g.inner = true
	if g.version == V2 {
		return g.enableV2()
	}
	// Always on since Linux 5.11; before, limits did not bound children.
	err := write(g.at[memory], "memory.use_hierarchy", "1")
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errBusy) && !errors.Is(err, errInvalid) {
		return err
	}
	return nil
}

// processes is the place that holds g's own processes.
func (g *Group) processes() place {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.version == V2 && g.inner {
		return g.at.below(leafName)
	}
	return g.at
}

// Add moves a process and all its threads into the group.
func (g *Group) Add(pid int) error {
	at := g.processes()
	if at != g.at {
		if err := makeAll(at); err != nil {
			return err
		}
	}
	for _, dir := range at.distinct() {
		if err := write(dir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("move process: %w", err)
		}
	}
	return nil
}

// Tasks opens what an agent without privileges needs to start programs in the
// group: with version 1 the "tasks" files, through which a process of one
// thread moves itself; with version 2 the directory. The caller closes them.
//
// With version 1 the kernel checks the rights of who opened the files.
func (g *Group) Tasks() ([]*os.File, error) {
	if g.version == V2 {
		dir, err := os.Open(g.processes().core())
		return []*os.File{dir}, err
	}
	var files []*os.File
	for _, dir := range g.at.distinct() {
		fd, err := open(dir, "tasks", unix.O_WRONLY)
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			return nil, err
		}
		files = append(files, os.NewFile(uintptr(fd), "tasks"))
	}
	return files, nil
}

// Delegate lets a process of that uid in g's own processes start children in
// the groups below, with CLONE_INTO_CGROUP (clone(2)); both g and the group of
// the child are to be delegated. Version 1 needs none, see Tasks. The groups of
// a server that is not root are its user's already, who is the agent's outside
// of the box.
func (g *Group) Delegate(uid int) error {
	if g.version == V1 || os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(filepath.Join(g.at.core(), "cgroup.procs"), uid, -1)
}

// Version says which control group this is.
func (g *Group) Version() Version { return g.version }

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
	slices.Sort(all) // parents first: one that outlives its child by a moment would exit by itself
	for _, pid := range all {
		if err := syscall.Kill(pid, sig); err != nil && !gone(err) {
			return 0, err
		}
	}
	return len(all), nil
}

// Remove removes the group and those below it, which must have no processes.
// One whose last process is still on its way out is waited for.
// Errors: ErrNotEmpty when ctx ends before.
func (g *Group) Remove(ctx context.Context) error {
	g.Close()
	for pause := time.Duration(0); ; pause = min(2*pause+200*time.Microsecond, 20*time.Millisecond) {
		if !sleep(ctx, pause) {
			return ErrNotEmpty
		}
		if err := g.remove(); !errors.Is(err, errBusy) {
			return err
		}
	}
}

func (g *Group) remove() error {
	g.mu.Lock()
	inner := g.inner
	g.mu.Unlock()
	for _, dir := range g.at.distinct() {
		if err := removeDirectory(dir, inner); err != nil {
			return err
		}
	}
	return nil
}

// removeDirectory removes a directory, with those below it when deep.
func removeDirectory(dir string, deep bool) error {
	if deep {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return ignoreGone(err)
		}
		for _, entry := range entries {
			if entry.IsDir() {
				if err := removeDirectory(filepath.Join(dir, entry.Name()), true); err != nil {
					return err
				}
			}
		}
	}
	return ignoreGone(os.Remove(dir))
}

// Sweep ends and removes the group of that name, a clean path
// "codebeaker/...", and everything below it, which an earlier life of the
// server left behind, and "codebeaker" itself when nothing else is in it.
func (h *Hierarchy) Sweep(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	old := &Group{version: h.version, at: h.root.below(name), inner: true}
	if err := old.ThawAll(); err != nil {
		return err
	}
	if err := old.Kill(ctx); err != nil {
		return err
	}
	err := old.Remove(ctx)
	for _, dir := range h.root.below(top).distinct() {
		_ = os.Remove(dir) // stays while another server has groups in it
	}
	return err
}

// remnant is how much memory a group without processes may still be charged
// for, in bytes, to count as empty: the kernel keeps some of what it was given
// back ready on each processor, and takes the next charges from there.
const remnant = 768 << 10

// Renew makes a group, whose processes have all ended and none for want of
// memory, ready for others: what it has used is forgotten. It reports false when
// it could be told from a new one, and is to be removed: when memory stays
// charged to it (files that its processes have read or written), after Kill had
// something to end, and always with version 2, whose counters only grow. Limits
// stay.
func (g *Group) Renew() bool {
	g.mu.Lock()
	renewable := g.version == V1 && !g.sealed && !g.inner
	g.mu.Unlock()
	if !renewable {
		return false
	}
	if used, _, err := g.counters.memory.number(g.at[memory], "memory.usage_in_bytes", unix.O_RDONLY); err != nil || used > remnant {
		return false
	}
	if g.counters.peak.zero(g.at[memory], peakV1) != nil {
		return false
	}
	used, known := g.CPU()
	refused := g.births()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused = refused
	g.spent += used
	return known
}
