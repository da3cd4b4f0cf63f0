package box

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// Layers tells what isolates the process with that host pid, the agent of an
// entered box, from the server. It reads /proc and does not ask the agent. It
// returns the layers of namespaces, of the root and of privileges; cgroups,
// quotas and Landlock cannot be seen there.
// Errors: the process is gone, or /proc may not be read.
func Layers(pid int, cfg Config) ([]runtimes.Layer, error) {
	var layers []runtimes.Layer
	for _, probe := range []func(int, Config) ([]runtimes.Layer, error){
		namespaceLayers, rootLayers, networkLayers, privilegeLayers,
	} {
		found, err := probe(pid, cfg)
		if err != nil {
			return nil, fmt.Errorf("read the layers of process %d: %w", pid, err)
		}
		layers = append(layers, found...)
	}
	return layers, nil
}

// namespaceFiles are the names in /proc/PID/ns whose difference is the layer.
// The mount and network namespaces alone isolate nothing: see rootLayers and
// networkLayers.
var namespaceFiles = []struct {
	name  string
	layer runtimes.Layer
}{
	{"pid", runtimes.PIDNamespace}, {"ipc", runtimes.IPCNamespace}, {"uts", runtimes.UTSNamespace},
	{"user", runtimes.UserNamespace}, {"cgroup", runtimes.CgroupNamespace},
}

func namespaceLayers(pid int, _ Config) ([]runtimes.Layer, error) {
	var layers []runtimes.Layer
	for _, file := range namespaceFiles {
		own, err := ownNamespace(pid, file.name)
		if err != nil {
			return nil, err
		}
		if own {
			layers = append(layers, file.layer)
		}
	}
	return layers, nil
}

// ownNamespace reports whether the process has another namespace than we.
func ownNamespace(pid int, name string) (bool, error) {
	theirs, err := os.Readlink(processFile(pid, "ns", name))
	if err != nil {
		return false, err
	}
	ours, err := os.Readlink("/proc/self/ns/" + name)
	if err != nil {
		return false, err
	}
	return theirs != ours, nil
}

func networkLayers(pid int, _ Config) ([]runtimes.Layer, error) {
	own, err := ownNamespace(pid, "net")
	if err != nil || !own {
		return nil, err
	}
	interfaces, err := Interfaces(pid)
	if err != nil {
		return nil, err
	}
	layer := runtimes.NetworkNamespace
	for _, name := range interfaces {
		switch name {
		case "lo":
		case tunnel.Device:
			layer = runtimes.NetworkFilter // all that it can reach is the relay
		default:
			return nil, nil
		}
	}
	return []runtimes.Layer{layer}, nil
}

// Interfaces names the network interfaces that the process with that host pid
// has (proc_pid_net(5)).
func Interfaces(pid int) ([]string, error) {
	table, err := os.ReadFile(processFile(pid, "net", "dev"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, line := range strings.Split(string(table), "\n") {
		if name, _, isInterface := strings.Cut(line, ":"); isInterface {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names, nil
}

// privilegeLayers looks at every thread: credentials are a thread's own.
func privilegeLayers(pid int, _ Config) ([]runtimes.Layer, error) {
	threads, err := os.ReadDir(processFile(pid, "task"))
	if err != nil {
		return nil, err
	}
	var all map[runtimes.Layer]bool
	for _, thread := range threads {
		text, err := os.ReadFile(processFile(pid, "task", thread.Name(), "status"))
		if errors.Is(err, os.ErrNotExist) {
			continue // the thread has ended
		}
		if err != nil {
			return nil, err
		}
		has := statusLayers(string(text))
		if all == nil {
			all = has
		}
		for layer := range all {
			all[layer] = all[layer] && has[layer]
		}
	}
	var layers []runtimes.Layer
	for _, layer := range []runtimes.Layer{
		runtimes.OwnUID, runtimes.NoCapabilities, runtimes.NoNewPrivileges, runtimes.Seccomp,
	} {
		if all[layer] {
			layers = append(layers, layer)
		}
	}
	return layers, nil
}

// statusLayers reads the lines of proc_pid_status(5).
func statusLayers(status string) map[runtimes.Layer]bool {
	value := make(map[string]string)
	for _, line := range strings.Split(status, "\n") {
		name, rest, _ := strings.Cut(line, ":")
		value[name] = strings.TrimSpace(rest)
	}
	none := func(name string) bool { return value[name] != "" && strings.Trim(value[name], "0") == "" }
	return map[runtimes.Layer]bool{
		runtimes.OwnUID:          foreignUID(value["Uid"]),
		runtimes.NoCapabilities:  none("CapEff") && none("CapPrm") && none("CapInh") && none("CapAmb"),
		runtimes.NoNewPrivileges: value["NoNewPrivs"] == "1",
		runtimes.Seccomp:         value["Seccomp"] == "2",
	}
}

// foreignUID reports whether the real, effective, saved and file system uid
// are all neither root's nor the server's. They are host uids: the server
// reads them in its own user namespace.
func foreignUID(uids string) bool {
	fields := strings.Fields(uids)
	server := fmt.Sprint(os.Geteuid())
	for _, uid := range fields {
		if uid == "0" || uid == server {
			return false
		}
	}
	return len(fields) == 4
}

func processFile(pid int, names ...string) string {
	return filepath.Join(append([]string{"/proc", fmt.Sprint(pid)}, names...)...)
}

// rootLayers looks at what the process sees as its root.
func rootLayers(pid int, cfg Config) ([]runtimes.Layer, error) {
	own, err := ownNamespace(pid, "mnt")
	if err != nil || !own {
		return nil, err
	}
	mounts, err := procfs.Mounts(processFile(pid, "mountinfo"))
	if err != nil {
		return nil, err
	}
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
func ownRoot(mounts []procfs.Mount) bool {
	found := 0
	for i := range mounts {
		if mounts[i].Point == "/" {
			found++
			if mounts[i].Type != "tmpfs" || !mounts[i].ReadOnly() {
				return false
			}
		}
	}
	return found == 1
}

// onlyNamed reports whether every mount that shows a file system of the host
// lies in a bind that cfg names, and is read-only unless it is the workspace.
func onlyNamed(mounts []procfs.Mount, cfg Config) bool {
	for i := range mounts {
		m := &mounts[i]
		switch {
		case m.Point == "/" || m.Point == "/dev/pts" || under(m.Point, "/proc"):
		case m.Point == runtimes.WorkspacePath:
		case slices.ContainsFunc(cfg.Scratch, func(s Scratch) bool { return s.Target == m.Point }):
		case m.ReadOnly() && strings.HasPrefix(m.Point, "/dev/"):
		case m.ReadOnly() && slices.ContainsFunc(cfg.Binds, func(b Bind) bool { return under(m.Point, b.Target) }):
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
