package vmtest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A process as /proc shows it.
type process struct {
	pid, parent, uid, name, command string
	group, mounts                   string // the files cgroup and mountinfo
}

// String is what a failure says of it.
func (p process) String() string {
	return "process " + p.pid + " (" + p.name + ") " + p.command + " in " + strings.TrimSpace(p.group)
}

// processes are those of the machine, without the kernel's own.
func processes() []process {
	var list []process
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		read := func(name string) string {
			text, _ := os.ReadFile(filepath.Join(dir, name)) // it may end meanwhile
			return string(text)
		}
		p := process{
			pid: filepath.Base(dir), command: commandLine([]byte(read("cmdline"))),
			group: read("cgroup"), mounts: read("mountinfo"),
		}
		for line := range strings.Lines(read("status")) {
			switch key, value, _ := strings.Cut(strings.TrimSpace(line), ":\t"); key {
			case "Name":
				p.name = value
			case "PPid":
				p.parent = value
			case "Uid":
				p.uid, _, _ = strings.Cut(value, "\t")
			}
		}
		if p.parent != "" && p.pid != "2" && p.parent != "2" {
			list = append(list, p)
		}
	}
	return list
}

// exactly are the ids of the processes with that command line.
func exactly(command string) []string {
	return running(func(line string) bool { return line == command })
}

// marked are the ids of the processes whose command line has the mark.
func marked(mark string) []string {
	return running(func(line string) bool { return strings.Contains(line, mark) })
}

// running are the ids of the processes whose command line is the one wanted.
func running(wanted func(line string) bool) []string {
	var list []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && wanted(commandLine(text)) {
			list = append(list, filepath.Base(filepath.Dir(file)))
		}
	}
	return list
}

func commandLine(text []byte) string {
	return strings.ReplaceAll(strings.TrimRight(string(text), "\x00"), "\x00", " ")
}

// controlGroups are the directories of all control groups.
func controlGroups() []string {
	var list []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() { // one may be removed meanwhile
			list = append(list, path)
		}
		return nil
	})
	return list
}

// A sight is what was there at one time.
type sight struct {
	processes map[string]bool // pid and name
	groups    []string
	mounts    string
}

func look(t *testing.T) sight {
	t.Helper()
	s := sight{processes: make(map[string]bool), groups: controlGroups()}
	for _, p := range processes() {
		s.processes[p.pid+p.name] = true
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	s.mounts = string(mounts)
	return s
}

// since lists what is there now and was not then.
func (s sight) since(t *testing.T) []string {
	t.Helper()
	var list []string
	own := ownGroup()
	for _, p := range processes() {
		group := strings.TrimSpace(p.group)
		if !s.processes[p.pid+p.name] && (group == own || !systemds(group)) {
			list = append(list, p.String())
		}
	}
	for _, group := range controlGroups() {
		if !slices.Contains(s.groups, group) && !systemds(group) {
			list = append(list, "control group "+group)
		}
	}
	for line := range strings.Lines(look(t).mounts) {
		if !strings.Contains(s.mounts, line) {
			list = append(list, "mount "+strings.TrimSpace(line))
		}
	}
	return list
}

// ownGroup is the control group of the tests.
func ownGroup() string {
	text, _ := os.ReadFile("/proc/self/cgroup")
	return strings.TrimSpace(string(text))
}

// systemds reports whether a control group is none of the server's: systemd
// makes some as it starts units.
func systemds(group string) bool {
	switch filepath.Ext(group) {
	case ".service", ".socket", ".slice", ".mount":
		return !strings.Contains(filepath.Base(group), "codebeaker")
	}
	return false
}

// traces lists what there is of a session: the ULID in its environment's id, or
// that of its container, is part of the names of its control groups, mounts and
// directories.
func (s *session) traces() []string {
	var list []string
	parts := strings.Split(s.EnvironmentID, "-")
	name := parts[slices.IndexFunc(parts, func(part string) bool { return len(part) == 26 })]
	of := func(text string) bool {
		return strings.Contains(text, name) || s.ContainerID != "" && strings.Contains(text, s.ContainerID)
	}
	for _, p := range processes() {
		if of(p.group) || of(p.mounts) {
			list = append(list, p.String())
		}
	}
	for _, group := range controlGroups() {
		if of(group) {
			list = append(list, "control group "+group)
		}
	}
	for _, dir := range s.server.files() {
		if of(dir) {
			list = append(list, "file "+dir)
		}
	}
	if s.ContainerID != "" {
		out, err := exec.Command("docker", "ps", "--all", "--no-trunc", "--quiet").Output()
		if err != nil || of(string(out)) {
			list = append(list, fmt.Sprintf("container %s, %v", s.ContainerID, err))
		}
	}
	return list
}
