package docker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/system"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
)

// accessChoice is how the present engine is reached, decided once for each.
type accessChoice struct {
	mu     sync.Mutex
	chosen access  // nil: not decided yet
	cpus   float64 // that the engine's machine has; 0 before it was asked
	host   *cpus.Machine
	// written are the numbers of processors of which there are files.
	written map[int]bool
	remote  bool // an agent could not be met by a shared socket
	users   *userRange
}

// accessFor decides, by effect, whether the engine shares the server's files.
// It needs any image that the engine has.
func (r *Runtime) accessFor(ctx context.Context, image *imageFacts) (access, error) {
	r.access.mu.Lock()
	defer r.access.mu.Unlock()
	if r.access.chosen != nil {
		return r.access.chosen, nil
	}
	info, err := r.engine.info(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the engine about itself: %w", err)
	}
	r.access.cpus, r.access.host = float64(info.NCPU), machineOf(info.NCPU)
	namespaced := inUserNamespace(info)
	var shared *sharedAccess
	if goruntime.GOOS == "linux" && !r.options.Remote && !r.access.remote && !namespaced {
		if shared, err = r.share(ctx, image); err != nil {
			return nil, err
		}
	}
	if shared != nil {
		r.access.chosen = shared
		return shared, nil
	}
	if r.access.users == nil {
		r.access.users = newUserRange(namespaced)
	}
	r.log.Info("the Docker engine does not share this server's files; they go through the agent")
	r.access.chosen = &remoteAccess{r: r, users: r.access.users}
	return r.access.chosen, nil
}

// forgetAccess makes the next container find out again: the engine behind the
// address may be another one.
func (r *Runtime) forgetAccess() {
	r.access.mu.Lock()
	defer r.access.mu.Unlock()
	r.access.chosen, r.access.remote = nil, false
}

// possibleCPUs is what the engine takes: it refuses to give more than its
// machine has. accessFor has been asked before.
func (r *Runtime) possibleCPUs(asked float64) float64 {
	r.access.mu.Lock()
	defer r.access.mu.Unlock()
	if r.access.cpus > 0 {
		return min(asked, r.access.cpus)
	}
	return asked
}

// giveUpSharing turns from shared files to an agent's streams, and reports
// whether that is a change.
func (r *Runtime) giveUpSharing() bool {
	r.access.mu.Lock()
	defer r.access.mu.Unlock()
	if _, shared := r.access.chosen.(*sharedAccess); !shared {
		return false
	}
	r.access.chosen, r.access.remote = nil, true
	return true
}

// share returns nil when the engine does not see our directories. Two are
// tried: the data directory, and a workspace, which may be a mount of its own
// that a server in another mount namespace has to itself.
func (r *Runtime) share(ctx context.Context, image *imageFacts) (*sharedAccess, error) {
	guest, err := copyGuest(r.options.Guest, r.directory())
	if err != nil {
		return nil, err
	}
	shared := &sharedAccess{workspaces: r.options.Workspaces, environments: r.environments(), guest: guest}
	ws, _, err := shared.workspace(ctx, runtimes.Spec{Session: trialSession(), Limits: trialLimits})
	if err != nil {
		return nil, fmt.Errorf("make a workspace to be looked for: %w", err)
	}
	defer ws.Close()
	marker := "." + randomName()
	if _, err := ws.WriteFile(ctx, runtimes.WriteFile{Path: marker, Content: []byte(marker)}); err != nil {
		return nil, err
	}
	own := filepath.Join(r.directory(), marker)
	if err := os.WriteFile(own, nil, 0o600); err != nil {
		return nil, err
	}
	defer os.Remove(own)
	seen, err := r.sees(ctx, image, own, filepath.Join(ws.mount().Source, marker))
	if err != nil || !seen {
		return nil, err
	}
	return shared, nil
}

// sees asks the engine to make a container with these files bound into it. It
// refuses when it has no such file; the names are random, so that it cannot
// have them by chance. The container is never started.
func (r *Runtime) sees(ctx context.Context, image *imageFacts, files ...string) (bool, error) {
	var mounts []mount.Mount
	for i, file := range files {
		mounts = append(mounts, readOnly(file, fmt.Sprintf("/marker%d", i)))
	}
	name := newName("courier")
	r.claims.claim(name)
	_, err := r.engine.createContainer(ctx, name, &container.Config{
		Image: image.id, Entrypoint: []string{"/none"}, Cmd: []string{}, NetworkDisabled: true,
		Labels: r.labels(roleCourier, ""),
	}, &container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "none"}, Mounts: mounts})
	if cerrdefs.IsInvalidArgument(err) {
		return false, r.discard(ctx, name, nil)
	}
	return err == nil, r.discard(ctx, name, err)
}

// inUserNamespace reports whether the engine maps uids (rootless, userns-remap):
// then a uid of ours is not the container's.
func inUserNamespace(info system.Info) bool {
	return slices.ContainsFunc(info.SecurityOptions, func(option string) bool {
		return strings.HasPrefix(option, "name=rootless") || strings.HasPrefix(option, "name=userns")
	})
}

func randomName() string {
	name := make([]byte, 16)
	rand.Read(name) // never fails, crypto/rand
	return hex.EncodeToString(name)
}
