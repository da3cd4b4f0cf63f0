// Package procfs reads files of /proc, and says which of them no program may.
package procfs

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Masked tell of the host's kernel, devices or users. The list is the newest one
// of the OCI engines; what is missing on a machine is not hidden on it.
var Masked = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
}

// ReadOnly set the kernel up.
var ReadOnly = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

// Mount is a line of a mountinfo file, proc_pid_mountinfo(5).
type Mount struct {
	Root    string   // the directory of the file system that is shown
	Point   string   // where it is mounted
	Options []string // of the mount
	Type    string   // of the file system
	Super   []string // options of the file system
}

// ReadOnly reports whether nothing can be written through the mount.
func (m *Mount) ReadOnly() bool { return slices.Contains(m.Options, "ro") }

// Mounts reads a mountinfo file: the oldest mount comes first.
func Mounts(file string) ([]Mount, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return ParseMounts(string(text)), nil
}

// ParseMounts leaves out lines that it does not understand.
func ParseMounts(text string) []Mount {
	var mounts []Mount
	for line := range strings.Lines(text) {
		mount, filesystem, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(mount), strings.Fields(filesystem)
		if !ok || len(left) < 6 || len(right) < 1 {
			continue
		}
		m := Mount{Root: unescape(left[3]), Point: unescape(left[4]), Options: strings.Split(left[5], ","), Type: right[0]}
		if len(right) > 2 {
			m.Super = strings.Split(right[2], ",")
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// unescape undoes the octal escapes of names.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace

// Group is a line of a /proc/PID/cgroup file, cgroups(7).
type Group struct {
	Controllers []string // none: the hierarchy of version 2
	Path        string
}

// ParseGroups leaves out lines that it does not understand.
func ParseGroups(text string) []Group {
	var groups []Group
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3) // hierarchy:controllers:path
		if len(fields) != 3 {
			continue
		}
		g := Group{Path: fields[2]}
		if fields[0] != "0" {
			g.Controllers = strings.Split(fields[1], ",")
		}
		groups = append(groups, g)
	}
	return groups
}

// Unified is the path of the group of version 2.
func Unified(groups []Group) (path string, ok bool) {
	for _, g := range groups {
		if len(g.Controllers) == 0 {
			return g.Path, true
		}
	}
	return "", false
}

// Children lists the children that any thread of the process has.
func Children(pid int) ([]int, error) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, err
	}
	var children []int
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			children = append(children, child)
		}
	}
	return children, nil
}
