package box

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
)

// mostProcessorText bounds what is told of processors: it lies in the root.
const mostProcessorText = 256 << 10

// showProcessors makes /proc tell of as many processors as the programs may use.
// They count them there where they do not ask for their affinity: node's
// os.cpus, and sysconf(3) where there is no /sys. The texts stay as they are
// now; the host's counters are not the session's.
func showProcessors(cfg Config) error {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil || cfg.Processors <= 0 || cpus.Count(stat) <= cfg.Processors {
		return nil
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return nil
	}
	for _, file := range []struct {
		target string
		text   []byte
	}{{"/proc/stat", cpus.Stat(stat, cfg.Processors)}, {"/proc/cpuinfo", cpus.Info(info, cfg.Processors)}} {
		if len(file.text) > mostProcessorText {
			continue
		}
		if err := cover(file.target, file.text); err != nil {
			return step("show processors", file.target, err)
		}
	}
	return nil
}

// cover lies a text over a file, for reading.
func cover(target string, text []byte) error {
	const source = "/.cover"
	if err := os.WriteFile(source, text, 0o444); err != nil {
		return err
	}
	defer os.Remove(source)
	return bind(source, target, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
}
