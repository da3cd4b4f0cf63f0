// Package hostfacts says on what a report was made: processor, kernel, engine,
// versions, commit. What cannot be found out is an empty string or zero.
package hostfacts

import (
	"context"
	"os"
	"runtime"
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

// Gather finds the facts out. It takes a second or so, because programs are
// asked for their versions.
func Gather(ctx context.Context) Facts {
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
