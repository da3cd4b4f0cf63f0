package cgroup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
)

func mountsOf(t *testing.T, mountinfo string) []mount {
	t.Helper()
	return hierarchies(procfs.ParseMounts(mountinfo))
}

func TestVersion1IsUsedWhereItHasTheMemory(t *testing.T) {
	root := t.TempDir()
	hybrid := strings.ReplaceAll(hybrid, "/sys/fs/cgroup", root)
	for _, name := range []string{"memory", "pids", "cpu,cpuacct", "freezer", "unified"} {
		writeFiles(t, filepath.Join(root, name), map[string]string{"cgroup.procs": ""})
	}
	h, err := (&search{mounts: mountsOf(t, hybrid)}).find()
	if err != nil || h.String() != "version 1, at the root" || len(h.root.distinct()) != 4 || h.Missing() != "" {
		t.Errorf("%+v, %v", h, err)
	}
	for what, mountinfo := range map[string]string{
		"memory alone": "31 24 0:27 / " + root + "/memory rw - cgroup cgroup rw,memory\n", "no mounts": "",
	} {
		if h, err := (&search{mounts: mountsOf(t, mountinfo)}).find(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v, %v", what, h, err)
		}
	}
}

// machine is one with version 2, on files.
type machine struct {
	t *testing.T
	// point is where the hierarchy is mounted.
	point  string
	search search
	asked  int // how often systemd was asked for a scope
}

// all are what hosts offer.
const all = "cpuset cpu io memory pids\n"

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, point: t.TempDir()}
	m.search = search{
		mounts:     mountsOf(t, "40 24 0:31 / "+m.point+" rw - cgroup2 cgroup2 rw,nsdelegate\n"),
		membership: filepath.Join(t.TempDir(), "cgroup"),
		ask: func() (string, error) {
			m.asked++
			return "", fmt.Errorf("%w here", errNoSystemd)
		},
	}
	return m
}

// group makes one that may be used, with the leaf to which its processes move:
// in a real hierarchy the leaf's file comes with its directory.
func (m *machine) group(path, controllers string) (dir string) {
	m.t.Helper()
	dir = filepath.Join(m.point, path)
	writeFiles(m.t, dir, map[string]string{
		"cgroup.type": "domain\n", "cgroup.procs": "", "cgroup.subtree_control": "", "cgroup.controllers": controllers,
	})
	writeFiles(m.t, filepath.Join(dir, serverLeaf), map[string]string{"cgroup.type": "domain\n", "cgroup.procs": ""})
	return dir
}

// enter puts this process into a group.
func (m *machine) enter(path string) {
	m.t.Helper()
	writeFiles(m.t, filepath.Join(m.point, path), map[string]string{"cgroup.procs": fmt.Sprintln(os.Getpid())})
	writeFiles(m.t, filepath.Dir(m.search.membership), map[string]string{"cgroup": "1:name=systemd:/x\n0::" + path + "\n"})
}

func (m *machine) expect(where string) *Hierarchy {
	m.t.Helper()
	h, err := m.search.find()
	if err != nil {
		m.t.Fatal(err)
	}
	if h.String() != "version 2, "+where {
		m.t.Errorf("it is %q", h)
	}
	return h
}

func (m *machine) refuse(reasons ...string) {
	m.t.Helper()
	h, err := m.search.find()
	if !errors.Is(err, ErrUnavailable) {
		m.t.Fatalf("%v, %v", h, err)
	}
	for _, reason := range reasons {
		if !strings.Contains(err.Error(), reason) {
			m.t.Errorf("it says %q", err)
		}
	}
}

func (m *machine) expectMoved(dir string) {
	m.t.Helper()
	expectFile(m.t, filepath.Join(dir, serverLeaf), "cgroup.procs", fmt.Sprint(os.Getpid()))
	expectFile(m.t, dir, "cgroup.subtree_control", "+memory +pids +cpu")
}

func TestTheRootOfVersion2ComesFirstAndKeepsItsProcesses(t *testing.T) {
	m := newMachine(t)
	root := m.group("/", all)
	if err := os.Remove(filepath.Join(root, "cgroup.type")); err != nil { // the root has none
		t.Fatal(err)
	}
	m.group("/a.service", all)
	m.enter("/a.service")
	h := m.expect("at the root")
	expectFile(t, root, "cgroup.subtree_control", "")
	if h.root != placeV2(root, Controllers{Memory: true, CPU: true, Processes: true}) || m.asked != 0 {
		t.Errorf("%+v, asked %d times", h, m.asked)
	}
	writeFiles(t, root, map[string]string{"cgroup.controllers": "cpuset cpu\n"})
	m.refuse("the group / lacks the memory controller")
	// The mount is of another namespace, in which "/" is another group.
	writeFiles(t, root, map[string]string{"cgroup.controllers": all})
	m.enter("/")
	writeFiles(t, root, map[string]string{"cgroup.procs": "1\n"})
	m.refuse("is not the group of the server")
}

func TestADelegatedGroupIsPrepared(t *testing.T) {
	for _, c := range []struct{ group, where string }{
		{"/system.slice/a.service", "in the unit a.service of systemd"},
		{"/system.slice/a.scope", "in the scope a.scope of systemd"},
		{"/a/b", "in the group /a/b"},
		{"/", "at the top of the container"}, // root in a container
	} {
		m := newMachine(t)
		m.group("/", all)
		dir := m.group(c.group, all)
		m.enter(c.group)
		h := m.expect(c.where)
		m.expectMoved(dir)
		if m.asked != 0 || h.root.core() != dir || h.Missing() != "" {
			t.Errorf("%+v, asked %d times", h, m.asked)
		}
		// A child of this process, or this one once more.
		m.enter(filepath.Join(c.group, serverLeaf))
		if again := m.expect(c.where); again.root != h.root {
			t.Errorf("then %+v", again)
		}
	}
}

func TestTheProcessorsControllerMayBeMissingButNoOther(t *testing.T) {
	m := newMachine(t)
	m.group("/", all)
	dir := m.group("/user@7.service/a.scope", "memory pids\n")
	m.enter("/user@7.service/a.scope")
	m.search.ask = func() (string, error) { return "a.scope", nil }
	h := m.expect("in the scope a.scope of systemd")
	if c := h.root.controllers(); c != (Controllers{Memory: true, Processes: true}) {
		t.Errorf("%+v", c)
	}
	expectFile(t, dir, "cgroup.subtree_control", "+memory +pids")
	if !strings.Contains(h.Missing(), "cpu controller is missing") || !strings.Contains(h.Missing(), "drop-in for user@.service") {
		t.Errorf("it says %q", h.Missing())
	}
	for _, offered := range []string{"cpu memory\n", "cpu pids\n", ""} {
		m = newMachine(t)
		m.group("/", all)
		m.group("/a.service", offered)
		m.enter("/a.service")
		m.refuse("lacks the", "`Delegate=yes` in the unit offers it")
		expectFile(t, filepath.Join(m.point, "a.service"), "cgroup.procs", fmt.Sprint(os.Getpid())) // it has not moved
	}
}

func TestSystemdIsAskedWhereTheGroupIsNotOurs(t *testing.T) {
	for name, c := range map[string]struct {
		group, controllers string
		lacks              string // a file; that root may not write cannot be had otherwise
		reason             string
	}{
		"not writable":        {"/session-1.scope", all, "cgroup.subtree_control", "cannot be written to"},
		"of a terminal":       {"/user@7.service/app.slice/vte.scope", all, "", "is of the user's systemd"},
		"without controllers": {"/b.scope", "", "", "lacks the memory controller"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.group("/", all)
			dir := m.group(c.group, c.controllers)
			m.enter(c.group)
			if c.lacks != "" {
				if err := os.Remove(filepath.Join(dir, c.lacks)); err != nil {
					t.Fatal(err)
				}
			}
			m.refuse(c.reason, "no systemd answers here", "Delegate=yes")
			if m.asked != 1 {
				t.Errorf("asked %d times", m.asked)
			}
			// It makes a scope.
			const scope = "/user@7.service/codebeaker-1.scope"
			m.search.ask = func() (string, error) {
				m.group(scope, all)
				m.enter(scope)
				return filepath.Base(scope), nil
			}
			m.expect("in the scope codebeaker-1.scope of systemd")
			m.expectMoved(filepath.Join(m.point, scope))
		})
	}
}

func TestAGroupThatTheMountDoesNotShowIsOfNoUse(t *testing.T) {
	m := newMachine(t)
	m.group("/", all)
	m.enter("/")
	for _, group := range []string{"/../a.scope", "/a/../b", "a"} {
		writeFiles(t, filepath.Dir(m.search.membership), map[string]string{"cgroup": "0::" + group + "\n"})
		m.refuse("is not in what")
	}
	writeFiles(t, filepath.Dir(m.search.membership), map[string]string{"cgroup": "1:name=systemd:/\n"})
	m.refuse("in no group of version 2")
	if m.asked != 0 {
		t.Errorf("asked %d times", m.asked)
	}
}

func TestAUnitInWhichTheServerIsNotIsOfNoUse(t *testing.T) {
	m := newMachine(t)
	m.group("/", all)
	m.group("/user@7.service/vte.scope", all)
	m.enter("/user@7.service/vte.scope")
	m.search.ask = func() (string, error) { return "codebeaker-1.scope", nil }
	m.refuse("systemd has delegated codebeaker-1.scope, and the server is in /user@7.service/vte.scope")
	expectFile(t, filepath.Join(m.point, "user@7.service/vte.scope", serverLeaf), "cgroup.procs", "")
}

func TestOnlySocketsAreTakenForABus(t *testing.T) {
	const own = "unix:path=/run/a%20b/bus"
	for set, want := range map[string]string{
		"":                                own,
		"autolaunch:":                     own,
		"unixexec:path=/bin/sh":           own,
		"tcp:host=127.0.0.1,port=1":       own,
		"unix:path=/x":                    "unix:path=/x",
		"unixexec:path=/a;unix:path=/x":   "unix:path=/x",
		"unix:abstract=/y;unix:path=/x,g": "unix:abstract=/y;unix:path=/x,g",
	} {
		t.Setenv("TEST_BUS", set)
		if got := busAddress("TEST_BUS", "/run/a b/bus"); got != want {
			t.Errorf("%q gives %q", set, got)
		}
	}
}

func TestEveryListenerIsTriedOnce(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "")
	} else {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
		t.Setenv("XDG_RUNTIME_DIR", "/run/elsewhere")
	}
	var got []string
	for _, l := range listeners() {
		if strings.Contains(strings.Join(got, " "), l.address) {
			t.Errorf("%s is there twice", l.address)
		}
		got = append(got, l.address)
		if l.direct != strings.HasSuffix(l.address, "/private") {
			t.Errorf("%+v", l)
		}
	}
	if want := map[bool]int{true: 2, false: 4}[os.Geteuid() == 0]; len(got) != want {
		t.Errorf("%v", got)
	}
}

func TestABusThatIsNotThereOrDoesNotAnswerIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	silent := filepath.Join(t.TempDir(), "silent")
	socket, err := net.Listen("unix", silent)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, path := range []string{silent, silent + "-not"} {
		if conn, err := (listener{address: socketAddress(path)}).dial(ctx); err == nil {
			t.Errorf("%s: %v", path, conn)
		}
	}
}
