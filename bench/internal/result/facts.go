package result

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Facts describe the machine that the benchmark runs on, which is not that of
// the server when it was given a target elsewhere.
type Facts struct {
	CPU           string  `json:"cpu"`
	CPUs          int     `json:"cpus"`
	MemoryBytes   int64   `json:"memoryBytes"`
	OS            string  `json:"os"`
	Arch          string  `json:"arch"`
	Distribution  string  `json:"distribution"`
	Kernel        string  `json:"kernel"`
	CgroupVersion int     `json:"cgroupVersion"` // 1 or 2
	Load1         float64 `json:"load1"`         // processes that ran or waited, the minute before the start
	Root          bool    `json:"root"`
	OpenFiles     uint64  `json:"openFiles"` // limit of this process

	Go     string `json:"go"`
	Commit string `json:"commit"`
	Dirty  bool   `json:"dirty"` // the tree has changes that are in no commit

	Engine     string `json:"engine"` // version of the Docker engine, "" without one
	Containerd string `json:"containerd"`
	Runc       string `json:"runc"`
	DockerCLI  string `json:"dockerCLI"`

	// Tools are the versions of the programs of the baselines on this host.
	Tools map[string]string `json:"tools"`
}

// askTimeout bounds each program that is asked for its version.
const askTimeout = 5 * time.Second

// GatherFacts finds the facts out. It takes a second or so, because programs are
// asked for their versions.
func GatherFacts(ctx context.Context) Facts {
	f := Facts{
		CPUs: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(),
		Root: os.Geteuid() == 0, OpenFiles: openFiles(),
	}
	f.readProc("/proc")
	f.Distribution = distribution("/etc/os-release")
	f.CgroupVersion = cgroupVersion("/sys/fs/cgroup")
	f.askGit(ctx)
	f.askDocker(ctx)
	f.Tools = askTools(ctx)
	return f
}

// ask runs a program and returns what it said, "" when it cannot.
func ask(ctx context.Context, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func (f *Facts) askGit(ctx context.Context) {
	f.Commit = ask(ctx, "git", "rev-parse", "HEAD")
	f.Dirty = f.Commit != "" && ask(ctx, "git", "status", "--porcelain", "--untracked-files=no") != ""
}

// dockerVersion is what `docker version` prints as JSON.
type dockerVersion struct {
	Client struct{ Version string }
	Server struct {
		Version    string
		Components []struct{ Name, Version string }
	}
}

func (f *Facts) askDocker(ctx context.Context) {
	f.readDocker(ask(ctx, "docker", "version", "--format", "{{json .}}"))
}

func (f *Facts) readDocker(text string) {
	var v dockerVersion
	if json.Unmarshal([]byte(text), &v) != nil {
		return
	}
	f.DockerCLI, f.Engine = v.Client.Version, v.Server.Version
	for _, c := range v.Server.Components {
		switch c.Name {
		case "containerd":
			f.Containerd = c.Version
		case "runc":
			f.Runc = c.Version
		}
	}
}

// tools are the programs of the baselines and how each says its version.
var tools = map[string][]string{
	"bun": {"--version"}, "deno": {"--version"}, "node": {"--version"}, "python3": {"--version"}, "go": {"version"},
}

// askTools returns the first line of each tool that is on PATH.
func askTools(ctx context.Context) map[string]string {
	found := map[string]string{}
	for name, args := range tools {
		if line, _, _ := strings.Cut(ask(ctx, name, args...), "\n"); line != "" {
			found[name] = line
		}
	}
	return found
}

// readProc reads what Linux tells in files; elsewhere there are none.
func (f *Facts) readProc(dir string) {
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(dir, name))
		return string(text)
	}
	f.CPU = field(read("cpuinfo"), "model name")
	if f.CPU == "" {
		f.CPU = field(read("cpuinfo"), "Model") // arm64 boards
	}
	var kilobytes int64
	if n, _ := fmt.Sscanf(field(read("meminfo"), "MemTotal"), "%d kB", &kilobytes); n == 1 {
		f.MemoryBytes = kilobytes << 10
	}
	f.Kernel = strings.TrimSpace(read("sys/kernel/osrelease"))
	_, _ = fmt.Sscanf(read("loadavg"), "%f", &f.Load1) // zero where there is none
}

// field is the value of the first line "name : value".
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func distribution(file string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// cgroupVersion is 2 where the unified hierarchy is mounted, 1 where
// controllers have their own, 0 where there is neither.
func cgroupVersion(dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "cgroup.controllers")); err == nil {
		return 2
	}
	if _, err := os.Stat(filepath.Join(dir, "memory")); err == nil {
		return 1
	}
	return 0
}
