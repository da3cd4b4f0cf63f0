package cgroup

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// mount is one mounted hierarchy.
type mount struct {
	version Version
	// root is the group that the mount shows as its top.
	root string
	// point is where it is mounted.
	point       string
	controllers []string // version 1
}

// parseMounts finds the hierarchies in a mountinfo file, proc_pid_mountinfo(5).
func parseMounts(r io.Reader) ([]mount, error) {
	var mounts []mount
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		if !ok {
			continue
		}
		left, right := strings.Fields(before), strings.Fields(after)
		if len(left) < 6 || len(right) < 3 {
			continue
		}
		m := mount{root: unescape(left[3]), point: unescape(left[4])}
		switch right[0] {
		case "cgroup":
			m.version = V1
			m.controllers = strings.Split(right[2], ",")
		case "cgroup2":
			m.version = V2
		default:
			continue
		}
		mounts = append(mounts, m)
	}
	return mounts, lines.Err()
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
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
