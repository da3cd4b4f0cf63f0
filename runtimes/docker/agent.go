package docker

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

// machines are the architectures the agent is built for, by the name that Go and
// Docker use.
var machines = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// agentProblem says why the agent's binary cannot run on an engine of that
// architecture; the error is nil where it can.
func agentProblem(path, engine string) (string, error) {
	binary, err := elf.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "The guest agent is not there: run `make build`, or name it with --guest or CODEBEAKER_GUEST.", err
	case errors.Is(err, fs.ErrPermission):
		return "The server may not read the guest agent: `chmod 755` it and the directories above it.", err
	case err != nil:
		return "The guest agent is not a Linux program: run `make build`, or name another with --guest or CODEBEAKER_GUEST.", err
	}
	defer binary.Close()
	if built := machines[binary.Machine]; built != engine && engine != "" {
		engine = reason.Line(engine, architectureMax)
		return fmt.Sprintf("The Docker engine runs on %s and the guest agent at hand is not built for it: "+
				"set CODEBEAKER_GUEST to that of %s.", engine, engine),
			fmt.Errorf("%s is for %v, the engine on %s", path, binary.Machine, engine)
	}
	return "", nil
}

// agentFor finds the agent's program for an engine of that architecture, which
// agent returns from then on, or says why there is none that it can run.
func (r *Runtime) agentFor(engine string) (problem string, err error) {
	path := r.options.Guest
	if path == "" {
		arch := goruntime.GOARCH
		if slices.Contains(slices.Collect(maps.Values(machines)), engine) {
			arch = engine
		}
		if path, err = guestbin.Find(arch, r.options.DataDir); err != nil && arch != goruntime.GOARCH {
			path, err = guestbin.Find(goruntime.GOARCH, r.options.DataDir)
		}
		switch {
		case errors.Is(err, guestbin.ErrNotFound):
			path = "" // as one that is not there
		case err != nil:
			return "The server cannot write out the guest agent (" + reason.Cause(err) +
				"): let it write to its data directory, or name an agent with --guest or CODEBEAKER_GUEST.", err
		}
	}
	r.guest.Store(&path)
	return agentProblem(path, engine)
}

// agent is the agent's program that the last probe found to suit the engine.
func (r *Runtime) agent() string {
	if path := r.guest.Load(); path != nil {
		return *path
	}
	return r.options.Guest
}

// architectureMax bounds the name that an engine gives its processors, in bytes.
const architectureMax = 20

// copyGuest puts the agent's binary into a directory under a name of its
// content, readable and executable by all. Containers are given the copy: a
// build may replace the original while they run, and its directory may be one
// that the engine does not see.
func copyGuest(from, directory string) (string, error) {
	if filepath.Dir(from) == guestbin.Directory(filepath.Dir(directory)) {
		return from, nil // written out by this server, under such a name
	}
	binary, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf("read the agent: %w", err)
	}
	sum := sha256.Sum256(binary)
	path := filepath.Join(directory, "guest-"+hex.EncodeToString(sum[:6]))
	if info, err := os.Stat(path); err == nil && info.Size() == int64(len(binary)) && info.Mode().Perm() == 0o555 {
		return path, nil
	}
	// Other servers on this data directory there are none, but this one may have
	// been killed in the middle of a copy.
	draft, err := os.CreateTemp(directory, "guest-*.new")
	if err != nil {
		return "", err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(binary)
	if err == nil {
		err = draft.Chmod(0o555)
	}
	if closeErr := draft.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("copy the agent: %w", err)
	}
	return path, nil
}

// agentLink makes the link to an agent that the engine has started as the user
// of the session, so that there is no one to become and nothing to enter.
func agentLink(log *slog.Logger, groups *cgroup.Finder) handshaker {
	return func(ctx context.Context, g handshake) (agentFacts, error) {
		group, err := programGroup(groups, g.pid)
		if err != nil {
			return agentFacts{}, errors.Join(err, g.conn.Close())
		}
		opened, err := guestlink.Open(ctx, g.conn, guestlink.Options{
			Hello: guestlink.Hello{
				Harden:    guestlink.Harden{NoCapabilities: true, NoNewPrivileges: true, Seccomp: true},
				Env:       g.environment,
				Workspace: runtimes.WorkspacePath,
				Places:    []string{surroundings.Home, temporaryTarget, sharedMemoryTarget},
				Files:     g.files,
			},
			Group:       group,
			Processes:   g.limits.Processes,
			SharedUser:  g.sharedUser,
			OutputLimit: g.limits.OutputBytes,
			CPUs:        g.limits.CPUs,
			Machine:     g.machine,
			StackBytes:  g.limits.MemoryBytes, // as far as the memory reaches
			Logger:      log,
		})
		if err != nil {
			return agentFacts{}, err
		}
		kernel, err := opened.Limits()
		if err != nil {
			return agentFacts{}, errors.Join(err, opened.Close())
		}
		answer := agentFacts{
			link: opened, layers: reported(opened.Report()), terminal: opened.Report().Terminal,
			limits: runtimes.Limits{MemoryBytes: kernel.MemoryBytes, CPUs: kernel.CPUs, Processes: kernel.Processes},
		}
		readRooms(&answer.limits, opened.Report())
		if g.files {
			answer.files = opened.Files()
		}
		return answer, nil
	}
}

// programGroup opens the cgroup of the container whose first process that is on
// this host. It returns nil where there is none that the server may use.
func programGroup(groups *cgroup.Finder, pid int) (*cgroup.Group, error) {
	hierarchy := groups.Hierarchy()
	if hierarchy == nil || pid == 0 {
		return nil, nil
	}
	group, err := hierarchy.OpenContainer(pid)
	if errors.Is(err, cgroup.ErrUnavailable) {
		return nil, nil
	}
	return group, err
}

// reported are the layers that the agent found on itself, as the kernel told it.
func reported(r guestlink.Report) []runtimes.Layer {
	var layers []runtimes.Layer
	if r.Harden.NoCapabilities {
		layers = append(layers, runtimes.NoCapabilities)
	}
	if r.Harden.NoNewPrivileges {
		layers = append(layers, runtimes.NoNewPrivileges)
	}
	if r.Harden.Seccomp {
		layers = append(layers, runtimes.Seccomp, runtimes.SeccompAllowList)
	}
	return layers
}

// readRooms adds what the agent read back of the places besides the workspace.
func readRooms(limits *runtimes.Limits, r guestlink.Report) {
	for _, place := range r.Places {
		switch place.Path {
		case surroundings.Home:
			limits.HomeBytes = place.Bytes
		case temporaryTarget:
			limits.TemporaryBytes = place.Bytes
		case sharedMemoryTarget:
			limits.SharedMemoryBytes = place.Bytes
		}
	}
}
