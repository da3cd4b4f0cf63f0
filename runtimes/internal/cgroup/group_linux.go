package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
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
