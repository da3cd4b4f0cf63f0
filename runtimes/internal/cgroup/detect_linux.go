package cgroup

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// top holds all groups of this project.
const top = "codebeaker"

// Hierarchy is where groups are made.
type Hierarchy struct {
	version Version
	mounts  []mount
	root    place // of the mounts
}

// Detect finds the control groups of this host.
// Errors: ErrUnavailable, with the reason.
func Detect() (*Hierarchy, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer file.Close()
	return detect(file)
}

func detect(mountinfo io.Reader) (*Hierarchy, error) {
	mounts, err := parseMounts(mountinfo)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	h := &Hierarchy{mounts: mounts}
	if _, found := v1Mount(mounts, "memory"); found {
		err = h.useV1()
	} else {
		err = h.useV2()
	}
	if err != nil {
		return nil, err
	}
	for _, dir := range h.root.distinct() {
		if err := unix.Access(dir, unix.W_OK); err != nil {
			return nil, fmt.Errorf("%w: %s cannot be written to: %w", ErrUnavailable, dir, err)
		}
	}
	return h, nil
}

func (h *Hierarchy) useV1() error {
	h.version = V1
	for i, name := range controllerNames {
		m, found := v1Mount(h.mounts, name)
		if !found {
			return fmt.Errorf("%w: the %s controller is not mounted", ErrUnavailable, name)
		}
		h.root[i] = m.point
	}
	return nil
}

func (h *Hierarchy) useV2() error {
	m, found := v2Mount(h.mounts)
	if !found {
		return fmt.Errorf("%w: no hierarchy is mounted", ErrUnavailable)
	}
	h.version = V2
	for i := range h.root {
		h.root[i] = m.point
	}
	offered, err := os.ReadFile(filepath.Join(m.point, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for _, name := range v2Controllers {
		if !slices.Contains(strings.Fields(string(offered)), name) {
			return fmt.Errorf("%w: the %s controller is not offered", ErrUnavailable, name)
		}
	}
	return nil
}

// Version says which control groups these are.
func (h *Hierarchy) Version() Version { return h.version }

// Create makes the group of that name, a clean path "codebeaker/..."; groups
// above it are made where they are missing.
func (h *Hierarchy) Create(name string, l Limits) (*Group, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
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

func checkName(name string) error {
	if name != filepath.Clean(name) || !strings.HasPrefix(name, top+"/") {
		return fmt.Errorf("%q is no name for a control group of %s", name, top)
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
