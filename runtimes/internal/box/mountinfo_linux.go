package box

import (
	"os"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
)

// mountEntry is a line of proc_pid_mountinfo(5).
type mountEntry struct {
	point   string
	options []string
	fsType  string
}

func (m *mountEntry) readOnly() bool { return slices.Contains(m.options, "ro") }

// rootLayers looks at what the process sees as its root.
func rootLayers(pid int, cfg Config) ([]runtimes.Layer, error) {
	own, err := ownNamespace(pid, "mnt")
	if err != nil || !own {
		return nil, err
	}
	text, err := os.ReadFile(processFile(pid, "mountinfo"))
	if err != nil {
		return nil, err
	}
	mounts := parseMountinfo(string(text))
	if !ownRoot(mounts) {
		return nil, nil
	}
	layers := []runtimes.Layer{runtimes.MountNamespace}
	if onlyNamed(mounts, cfg) {
		layers = append(layers, runtimes.NoHostFiles)
	}
	return layers, nil
}

// ownRoot reports whether "/" is one read-only tmpfs.
func ownRoot(mounts []mountEntry) bool {
	found := 0
	for i := range mounts {
		if mounts[i].point == "/" {
			found++
			if mounts[i].fsType != "tmpfs" || !mounts[i].readOnly() {
				return false
			}
		}
	}
	return found == 1
}

// onlyNamed reports whether every mount that shows a file system of the host
// lies in a bind that cfg names, and is read-only unless it is the workspace.
func onlyNamed(mounts []mountEntry, cfg Config) bool {
	for i := range mounts {
		m := &mounts[i]
		switch {
		case m.point == "/" || m.point == "/dev/pts" || under(m.point, "/proc"):
		case m.point == WorkspaceTarget:
		case slices.ContainsFunc(cfg.Scratch, func(s Scratch) bool { return s.Target == m.point }):
		case m.readOnly() && strings.HasPrefix(m.point, "/dev/"):
		case m.readOnly() && slices.ContainsFunc(cfg.Binds, func(b Bind) bool { return under(m.point, b.Target) }):
		default:
			return false
		}
	}
	return true
}

// under reports whether path is dir or below it.
func under(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// parseMountinfo leaves out lines that it does not understand.
func parseMountinfo(text string) []mountEntry {
	var mounts []mountEntry
	for _, line := range strings.Split(text, "\n") {
		mount, filesystem, ok := strings.Cut(line, " - ")
		fields, source := strings.Fields(mount), strings.Fields(filesystem)
		if !ok || len(fields) < 6 || len(source) < 1 {
			continue
		}
		mounts = append(mounts, mountEntry{
			point: unescapeMount(fields[4]), options: strings.Split(fields[5], ","), fsType: source[0],
		})
	}
	return mounts
}
