package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// traces finds what a server with that data directory has on this machine
// outside its own process.
type traces struct{ dir, mark string }

func tracesOf(p *Program) traces { return traces{p.dir.path, p.dir.mark} }

// find lists them: containers, mounts, control groups, processes and
// workspaces. match selects those of one session; "" is all.
func (tr traces) find(t *testing.T, match string) []string {
	t.Helper()
	var found []string
	add := func(kind string, names []string) {
		for _, name := range names {
			if strings.Contains(name, match) {
				found = append(found, kind+" "+name)
			}
		}
	}
	add("container", tr.containers())
	add("mount", tr.mounts(t))
	add("control group", tr.groups())
	add("process", tr.processes())
	add("workspace", entries(filepath.Join(tr.dir, "workspaces")))
	return found
}

// name is what the container, the control groups and the workspace of a session's
// environment are called after: the part of its id that is a ULID.
func (s session) name() string {
	for part := range strings.SplitSeq(s.EnvironmentID, "-") {
		if len(part) == 26 {
			return part
		}
	}
	return s.EnvironmentID
}

// wantNone waits until there is nothing left: the kernel takes a moment to let
// go of what has ended.
func (tr traces) wantNone(t *testing.T, match string) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if left = tr.find(t, match); len(left) == 0 {
			return
		}
	}
	t.Errorf("left behind: %s", strings.Join(left, "\n\t"))
}

func (tr traces) containers() []string {
	out, err := exec.Command("docker", "ps", "--all", "--filter", "label=codebeaker.instance="+tr.mark,
		"--format", "{{.ID}} {{.Names}}").Output()
	if err != nil {
		return nil // no engine, no containers
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}

func (tr traces) mounts(t *testing.T) []string {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		t.Skip("no /proc: nothing to look at on this system")
	}
	defer f.Close()
	var mounts []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); strings.HasPrefix(fields[4], tr.dir+"/") {
			mounts = append(mounts, fields[4])
		}
	}
	return mounts
}

// groups are the directories below ours in every control group hierarchy,
// wherever in it that is.
func (tr traces) groups() []string {
	var groups []string
	filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		parent := filepath.Dir(path)
		if err == nil && entry.IsDir() && strings.Contains(filepath.Base(parent), tr.mark) && filepath.Base(filepath.Dir(parent)) == "codebeaker" {
			groups = append(groups, path)
		}
		return nil // what is gone meanwhile is gone
	})
	return groups
}

// processes are those that have a file of the data directory mounted or whose
// command line names it, and guests whose parent is this process.
func (tr traces) processes() []string {
	var found []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil || !strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(string(status), "Name:\t"), "\n")
		if strings.HasPrefix(name, "guest") {
			found = append(found, dir+" "+name)
		}
	}
	return found
}

// entries are the names in a directory but its lock.
func entries(dir string) []string {
	list, _ := os.ReadDir(dir)
	var names []string
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), ".") && !strings.Contains(e.Name(), "lock") {
			names = append(names, e.Name())
		}
	}
	return names
}
