package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
)

// serverLeaf is the child of a delegated group that holds its processes, this
// one among them.
const serverLeaf = "codebeaker-server"

// own is the group of version 2 that this process is in, and its directory.
func (s *search) own(m mount) (group, dir string, err error) {
	text, err := os.ReadFile(s.membership)
	if err != nil {
		return "", "", err
	}
	group, ok := procfs.Unified(procfs.ParseGroups(string(text)))
	if !ok {
		return "", "", errors.New("the server is in no group of version 2")
	}
	if dir, err = m.directory(group); err != nil {
		return "", "", err
	}
	members, err := readPIDs(dir)
	if err == nil && !slices.Contains(members, os.Getpid()) {
		// Names are of this process's namespace; the mount is of another one.
		err = fmt.Errorf("%s is not the group of the server: mount the hierarchy in its namespace", dir)
	}
	return group, dir, err
}

// useDelegated makes groups in the one that this process is in, when it has
// been delegated. In one of a user's systemd only that knows: there every group
// is writable for its user, and the processes of a terminal's, say, are not ours
// to move.
func (s *search) useDelegated(m mount, group, dir string) (*Hierarchy, error) {
	if path.Base(group) == serverLeaf && dir != m.point && writable(filepath.Dir(dir)) == nil {
		return s.useV2(filepath.Dir(dir), path.Dir(group)) // of a server before, or beside
	}
	if ofUserManager(group) {
		return nil, fmt.Errorf("the group %s is of the user's systemd", group)
	}
	if err := writable(dir); err != nil {
		return nil, err
	}
	return s.useV2(dir, group)
}

// useUnit makes groups in that of a unit that systemd says it has delegated.
func (s *search) useUnit(m mount, unit string) (*Hierarchy, error) {
	group, dir, err := s.own(m)
	if err != nil {
		return nil, err
	}
	if path.Base(group) != unit {
		return nil, fmt.Errorf("systemd has delegated %s, and the server is in %s", unit, group)
	}
	if err := writable(dir); err != nil {
		return nil, err
	}
	return s.useV2(dir, group)
}

// useV2 makes groups of version 2 below a directory, which is that of the group.
func (s *search) useV2(dir, group string) (*Hierarchy, error) {
	c, err := offered(dir)
	switch {
	case err != nil:
		return nil, err
	case !c.Memory:
		return nil, fmt.Errorf("the group %s lacks the memory controller: %s", group, controllerAdvice(group))
	case !c.Processes:
		return nil, fmt.Errorf("the group %s lacks the pids controller: %s", group, controllerAdvice(group))
	}
	h := At(dir)
	h.mounts, h.where = s.mounts, whereIs(dir, group)
	if !c.CPU {
		h.missing = "the cpu controller is missing, so limits of processors are not enforced: " + controllerAdvice(group)
	}
	if isRoot(dir) { // its processes may stay
		return h, nil
	}
	if err := moveToLeaf(dir, serverLeaf, enabling(c)); err != nil {
		return nil, fmt.Errorf("make the group %s ready: %w", group, err)
	}
	return h, nil
}

// At makes groups below a directory of a hierarchy of version 2, with whatever
// controllers it offers; processes in it do not move. It is for tests, on hosts
// that mount version 2 without any.
func At(dir string) *Hierarchy {
	c, _ := offered(dir)
	return &Hierarchy{version: V2, root: placeV2(dir, c), where: "at " + dir}
}

// isRoot reports whether the group has none above it, also none that this
// process cannot see: that one alone has no type.
func isRoot(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "cgroup.type"))
	return os.IsNotExist(err)
}

// writable says why groups cannot be made below a group of version 2: what
// cgroups(7) wants to be delegated is not this user's.
func writable(dir string) error {
	for _, name := range []string{"", "cgroup.procs", "cgroup.subtree_control"} {
		file := filepath.Join(dir, name)
		if err := unix.Access(file, unix.W_OK); err != nil {
			return fmt.Errorf("%s cannot be written to: %w", file, err)
		}
	}
	return nil
}

// readOnly reports whether nobody can write where the hierarchy is mounted.
func readOnly(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Flags&unix.ST_RDONLY != 0
}

// ofUserManager reports whether the group belongs to the systemd of a user.
func ofUserManager(group string) bool {
	for element := range strings.SplitSeq(group, "/") {
		if strings.HasPrefix(element, "user@") && strings.HasSuffix(element, ".service") {
			return true
		}
	}
	return false
}

// whereIs names a group for the operator.
func whereIs(dir, group string) string {
	switch name := path.Base(group); {
	case isRoot(dir):
		return "at the root"
	case name == "/":
		return "at the top of the container"
	case strings.HasSuffix(name, ".scope"):
		return fmt.Sprintf("in the scope %s of systemd", name)
	case strings.HasSuffix(name, ".service"):
		return fmt.Sprintf("in the unit %s of systemd", name)
	}
	return "in the group " + group
}

// advice is what to do about there being no groups.
func advice() string {
	uid := os.Geteuid()
	if uid == 0 {
		return "let the server write to /sys/fs/cgroup, or run it in a unit with Delegate=yes"
	}
	return fmt.Sprintf("`loginctl enable-linger %d` and XDG_RUNTIME_DIR=/run/user/%d give the server a systemd to ask, "+
		"or run it in a unit with Delegate=yes, or as root", uid, uid)
}

// controllerAdvice is what to do about controllers that a group lacks.
func controllerAdvice(group string) string {
	switch {
	case ofUserManager(group):
		return "`Delegate=cpu cpuset io memory pids` in a drop-in for user@.service offers it, from the next start of that on"
	case path.Base(group) == "/":
		return "the kernel or the container does not offer it"
	}
	return "`Delegate=yes` in the unit offers it, where the kernel does"
}

// enableV2 lets the children of a group have its controllers.
func (g *Group) enableV2() error {
	dir, enable := g.at.core(), enabling(g.at.controllers())
	if !g.root {
		return moveToLeaf(dir, leafName, enable)
	}
	if enable == "" {
		return nil
	}
	return write(dir, "cgroup.subtree_control", enable)
}

// lastPause is how long moveToLeaf waits at most between two attempts.
const lastPause = 200 * time.Millisecond

// moveToLeaf moves all processes of a group to a child of it and lets its children
// have controllers: a group other than the root may not do both, cgroups(7) "no
// internal processes". Processes that come meanwhile are moved too.
func moveToLeaf(dir, leaf, enable string) error {
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
