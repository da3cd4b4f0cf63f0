package docker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/diskimage"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name     string
		language runtimes.Language
		remote   bool
		found    []runtimes.Language
		disk     bool // all sessions have their files there
		gvisor   bool // all sessions prefer Security
		only     []string
	}{
		{"python", runtimes.Python, false, nil, false, false, nil},
		{"nodejs", runtimes.JavaScript, false, []runtimes.Language{}, false, false, runtimetest.InImage},
		{"remote python", runtimes.Python, true, []runtimes.Language{}, false, false, runtimetest.Elsewhere},
		{"gvisor", runtimes.Python, false, []runtimes.Language{}, false, true, runtimetest.InGVisor},
		{"python on disk", runtimes.Python, false, []runtimes.Language{}, true, false, runtimetest.OnDisk},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireEngine(t, c.language)
			var r *Runtime
			lacks := map[runtimetest.Capability]string{}
			if c.remote || c.gvisor || os.Geteuid() != 0 {
				lacks[runtimetest.CommandLimits] = "without cgroups the agent sets resource limits, which give no status of their own"
			}
			if c.remote || c.gvisor || os.Geteuid() != 0 {
				lacks[runtimetest.RaisedLate] = "only root changes what is mounted in a container, on its own host"
			}
			if !c.remote && !c.gvisor && os.Geteuid() != 0 {
				lacks[runtimetest.ExactProcesses] = "the engine's limit holds the agent's places too, and the uid is the server's, of which all is counted"
			}
			if c.gvisor {
				lacks[runtimetest.ProcessorFiles] = "gVisor has files of its own there"
			}
			if c.remote {
				lacks[runtimetest.ProcessorFiles] = "an engine elsewhere has no files of the server"
			}
			h := runtimetest.Harness{
				Lacks:    lacks,
				Language: c.language,
				FoundIn:  c.found,
				Only:     c.only,
				New: func(t testing.TB) runtimes.Runtime {
					r = newRealRuntime(t, func(o *Options) { o.Remote = c.remote })
					return r
				},
				Leftovers: func(t testing.TB, session string) []string { return leftOf(t, r, session) },
				KillOutside: func(t testing.TB, env runtimes.Environment) {
					err := r.engine.api.ContainerRemove(t.Context(), env.ContainerID(), container.RemoveOptions{Force: true})
					if err != nil {
						t.Fatal(err)
					}
				},
			}
			possible, reason := canHaveDisk(t)
			if !possible && !c.remote { // an engine elsewhere has volumes
				lacks[runtimetest.RoomOnDisk] = reason
			}
			if c.disk {
				if !possible || os.Geteuid() != 0 {
					t.Skip("no session can have files on a disk of its own:", reason)
				}
				h.Spec = func(spec *runtimes.Spec) { spec.Limits.DiskBytes, spec.DiskAsked = 160<<20, true }
			}
			if c.gvisor {
				requireGVisor(t)
				h.Spec = func(spec *runtimes.Spec) { spec.Strongest = true }
				h.Differs = gvisorDiffers
			}
			runtimetest.Run(t, h)
		})
	}
}

// canHaveDisk asks as a server would that has its data where the tests have it.
func canHaveDisk(t *testing.T) (possible bool, reason string) {
	t.Helper()
	files := filepath.Join(realDirectory(t), "workspaces")
	m, err := workspace.New(workspace.Options{Dir: files, Mark: "probe", Images: diskimage.New(files, "probe")})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return m.OnDisk()
}

// leftOf lists what a session has left on the engine and on this host.
func leftOf(t testing.TB, r *Runtime, session string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	of := filters.NewArgs(filters.Arg("label", labelEnvironment+"="+session))
	containers, err := r.engine.listContainers(ctx, of)
	if err != nil {
		t.Fatal(err)
	}
	volumes, err := r.engine.listVolumes(ctx, of)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, c := range containers {
		left = append(left, fmt.Sprintf("container %v (%s)", c.Names, c.State))
	}
	for _, v := range volumes {
		left = append(left, "volume "+v.Name)
	}
	for _, pattern := range []string{
		filepath.Join(r.environments(), "*"+session+"*"), filepath.Join(r.options.DataDir, "workspaces", session+"*"),
	} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "/"+session+"/") || strings.Contains(line, "/"+session+" ") {
			left = append(left, "mount "+line)
		}
	}
	return left
}
