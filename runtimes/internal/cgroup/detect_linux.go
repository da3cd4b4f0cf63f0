package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
)

// top holds all groups of this project.
const top = "codebeaker"

// Hierarchy is where groups are made.
type Hierarchy struct {
	version Version
	mounts  []mount
	root    place  // groups are made below
	where   string // that is, for the operator
	missing string // what it lacks and how to get that, for the operator
}

// Detect finds where this process may make control groups:
//
//   - at the root of the hierarchies;
//   - with version 2, in the group that this process is in, when it has been
//     delegated: all its processes move to a child of it;
//   - with version 2, in a scope that it asks systemd for, which takes this
//     process from the group that it is in; for the answer it waits some
//     seconds.
//
// Called again, also by a child of this process, it finds the same.
// Errors: ErrUnavailable, with the reason and what to do.
func Detect() (*Hierarchy, error) {
	mounts, err := procfs.Mounts("/proc/self/mountinfo")
	if err != nil {
		return nil, unavailable(err)
	}
	s := search{mounts: hierarchies(mounts), membership: "/proc/self/cgroup", ask: askSystemd}
	return s.find()
}

func unavailable(reason error) error { return fmt.Errorf("%w: %w", ErrUnavailable, reason) }

// search is one search for control groups; tests have files of their own.
type search struct {
	mounts     []mount
	membership string // file that says in which groups this process is
	// ask has systemd name the unit, with this process in it, that is delegated.
	ask func() (unit string, err error)
}

func (s *search) find() (*Hierarchy, error) {
	if _, found := v1Mount(s.mounts, "memory"); found { // also hybrid: the rest offers nothing
		return s.findV1()
	}
	m, found := v2Mount(s.mounts)
	if !found {
		return nil, unavailable(errors.New("no hierarchy is mounted"))
	}
	if readOnly(m.point) {
		return nil, unavailable(fmt.Errorf("%s is mounted read-only: let the container that holds the server write there", m.point))
	}
	h, err := s.findV2(m)
	if err != nil {
		return nil, unavailable(err)
	}
	return h, nil
}

func (s *search) findV2(m mount) (*Hierarchy, error) {
	group, dir, err := s.own(m)
	if err != nil {
		return nil, err
	}
	if isRoot(m.point) && writable(m.point) == nil {
		return s.useV2(m.point, "/")
	}
	h, own := s.useDelegated(m, group, dir)
	if own == nil {
		return h, nil
	}
	unit, err := s.ask()
	if err == nil {
		h, err = s.useUnit(m, unit)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; %w; %s", own, err, advice())
	}
	return h, nil
}

func (s *search) findV1() (*Hierarchy, error) {
	h := &Hierarchy{version: V1, mounts: s.mounts, where: "at the root"}
	for i, name := range controllerNames {
		m, found := v1Mount(s.mounts, name)
		if !found {
			return nil, unavailable(fmt.Errorf("the %s controller is not mounted", name))
		}
		h.root[i] = m.point
	}
	for _, dir := range h.root.distinct() {
		if err := unix.Access(dir, unix.W_OK); err != nil {
			return nil, unavailable(fmt.Errorf("%s cannot be written to (%w): groups of version 1 take a server that is root", dir, err))
		}
	}
	return h, nil
}

// Version says which control groups these are.
func (h *Hierarchy) Version() Version { return h.version }

// Controllers are those by which groups can be limited here.
func (h *Hierarchy) Controllers() Controllers { return h.root.controllers() }

// String says, for the operator, which control groups these are.
func (h *Hierarchy) String() string { return fmt.Sprintf("version %d, %s", h.version, h.where) }

// Missing says, for the operator, what these groups cannot limit and what to do
// about it; "" is nothing.
func (h *Hierarchy) Missing() string { return h.missing }

// Create makes the group of that name, a clean path "codebeaker/..."; groups
// above it are made where they are missing.
func (h *Hierarchy) Create(name string, l Limits) (*Group, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		made, err := h.create(name, l)
		// Another server may take away the one above while it is still empty.
		if !errors.Is(err, os.ErrNotExist) || attempt == createAttempts {
			return made, err
		}
	}
}

const createAttempts = 5

func (h *Hierarchy) create(name string, l Limits) (*Group, error) {
	parent := &Group{version: h.version, at: h.root, root: true}
	for element := range strings.SplitSeq(filepath.Dir(name), "/") {
		if err := parent.prepare(); err != nil {
			return nil, err
		}
		parent = &Group{version: h.version, at: parent.at.below(element)}
		if err := makeAll(parent.at); err != nil {
			return nil, err
		}
	}
	return parent.child(filepath.Base(name), l, true)
}

// Glob returns the directories of groups whose names match a pattern of
// filepath.Match. It is for tests, which look for what is left.
func (h *Hierarchy) Glob(pattern string) ([]string, error) {
	var all []string
	for _, dir := range h.root.distinct() {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func checkName(name string) error {
	if name != filepath.Clean(name) || !strings.HasPrefix(name, top+"/") {
		return fmt.Errorf("%q is not a valid name for a control group of %s", name, top)
	}
	return nil
}

// makeAll makes directories that may be there.
func makeAll(p place) error {
	for _, dir := range p.distinct() {
		if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

// mount is one mounted hierarchy.
type mount struct {
	version Version
	// root is the group that the mount shows as its top.
	root string
	// point is where it is mounted.
	point       string
	controllers []string // version 1
}

// hierarchies finds them among all mounts.
func hierarchies(all []procfs.Mount) []mount {
	var mounts []mount
	for _, m := range all {
		switch m.Type {
		case "cgroup":
			mounts = append(mounts, mount{version: V1, root: m.Root, point: m.Point, controllers: m.Super})
		case "cgroup2":
			mounts = append(mounts, mount{version: V2, root: m.Root, point: m.Point})
		}
	}
	return mounts
}

// v1Mount returns the mount of a controller of version 1.
func v1Mount(mounts []mount, controller string) (mount, bool) {
	for _, m := range mounts {
		if m.version == V1 && slices.Contains(m.controllers, controller) {
			return m, true
		}
	}
	return mount{}, false
}

func v2Mount(mounts []mount) (mount, bool) {
	for _, m := range mounts {
		if m.version == V2 {
			return m, true
		}
	}
	return mount{}, false
}

// directory finds that of a group by its path.
func (m mount) directory(group string) (string, error) {
	relative, err := filepath.Rel(m.root, group)
	if err != nil || group != filepath.Clean(group) || !filepath.IsLocal(relative) {
		return "", fmt.Errorf("the group %q is not in what %q shows", group, m.point)
	}
	return filepath.Join(m.point, relative), nil
}

// below finds the directory of a group by its path. The top is refused: no
// container lives there, and what is below it is not ours.
func (m mount) below(group string) (string, error) {
	dir, err := m.directory(group)
	if err == nil && dir == m.point {
		err = fmt.Errorf("the group %q is the top of what %q shows", group, m.point)
	}
	return dir, err
}

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
