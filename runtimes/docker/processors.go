package docker

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
)

// machineOf is the machine of an engine that says how many processors it has.
func machineOf(processors int) *cpus.Machine {
	if host := cpus.Host(); host.Visible(0) == processors {
		return host // or one like it
	}
	return cpus.New(processors)
}

// machine is where containers run. accessFor has been asked before.
func (r *Runtime) machine() *cpus.Machine {
	r.access.mu.Lock()
	defer r.access.mu.Unlock()
	return r.access.host
}

// processors is how many of them programs see.
func (c *construction) processors() int {
	return c.r.machine().Visible(c.spec.Limits.CPUs)
}

// showProcessors lets a container read of no more processors than its programs
// may use. They count them there where they do not ask for their affinity. An
// engine that does not see the server's files has none to show.
func (c *construction) showProcessors() error {
	n := c.processors()
	if _, shared := c.way.(*sharedAccess); !shared || n == c.r.machine().Visible(0) {
		return nil
	}
	directory, err := c.r.processorFiles(n)
	if err != nil {
		return fmt.Errorf("write down the processors: %w", err)
	}
	for name, target := range processorTargets {
		c.seat.mounts = append(c.seat.mounts, readOnly(filepath.Join(directory, name), target))
	}
	return nil
}

// processorTargets are where programs count processors.
var processorTargets = map[string]string{
	"stat": "/proc/stat", "cpuinfo": "/proc/cpuinfo", "online": "/sys/devices/system/cpu/online",
}

// processorFiles writes down what tells of the first n processors of this host,
// once for all containers that see so many. It returns the directory.
func (r *Runtime) processorFiles(n int) (string, error) {
	r.access.mu.Lock()
	defer r.access.mu.Unlock()
	directory := filepath.Join(r.directory(), fmt.Sprintf("processors-%d", n))
	if _, err := os.Stat(filepath.Join(directory, "online")); err == nil && r.access.written[n] {
		return directory, nil
	}
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return "", err
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return "", err
	}
	for name, text := range map[string][]byte{"stat": cpus.Stat(stat, n), "cpuinfo": cpus.Info(info, n), "online": cpus.Online(n)} {
		// Containers of an earlier life may have the file: it is replaced.
		draft := filepath.Join(directory, name+".new")
		err := os.WriteFile(draft, text, 0o444)
		if err == nil {
			err = os.Chmod(draft, 0o444) // whatever the umask is
		}
		if err == nil {
			err = os.Rename(draft, filepath.Join(directory, name))
		}
		if err != nil {
			return "", err
		}
	}
	if r.access.written == nil {
		r.access.written = make(map[int]bool)
	}
	r.access.written[n] = true
	return directory, nil
}
