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
	"github.com/codebeaker/codebeaker/runtimes/internal/imagebuild"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// Images are the images of the languages that Docker may serve, those made from
// recipes with that tag; "" is latest.
func Images(tag string) map[runtimes.Language]string {
	images := make(map[runtimes.Language]string)
	for _, language := range runtimes.Languages() {
		if image := language.ImageName(tag); image != "" && slices.Contains(language.Runtimes(), runtimes.Docker) {
			images[language] = image
		}
	}
	return images
}

// imageFacts is what matters of an image. The id names its content, so facts
// learnt of an id stay true.
type imageFacts struct {
	id      string
	env     []string
	volumes map[string]struct{}
	ours    bool // made by `make images`, or from such a one
}

// inspectImage asks the engine; see missingImage for one that is not there.
func (r *Runtime) inspectImage(ctx context.Context, name string) (*imageFacts, error) {
	found, err := r.engine.image(ctx, name)
	if err != nil {
		return nil, err
	}
	if found.ID == "" {
		return nil, fmt.Errorf("the engine's description of image %q has no id", name)
	}
	facts := &imageFacts{id: found.ID}
	if found.Config != nil {
		facts.env = found.Config.Env
		facts.volumes = found.Config.Volumes
		facts.ours = found.Config.Labels[labelApp] == appName
	}
	return facts, nil
}

// stepImage is the step of looking up an image.
const stepImage = "find image"

// imageFor picks the image of a session and looks it up.
func (r *Runtime) imageFor(ctx context.Context, spec runtimes.Spec) (*imageFacts, error) {
	name := r.options.Images[spec.Language]
	if spec.Image != "" {
		var ok bool
		if name, ok = r.options.AllowImages.Allowed(spec.Image); !ok {
			return nil, refused(stepImage, fmt.Sprintf(
				"The image %q is not among those the operator allows (--allow-image): name another, or none.", reason.Line(spec.Image, saidMax)))
		}
	}
	if name == "" {
		return nil, refused(stepImage, fmt.Sprintf(
			"There is no image for the language %q: name one with dockerImage, or another runtime.", spec.Language))
	}
	facts, err := r.inspectImage(ctx, name)
	if cerrdefs.IsNotFound(err) {
		return nil, r.missingImage(stepImage, name, err)
	}
	if err != nil {
		return nil, failed(stepImage, err)
	}
	return facts, nil
}

// isOwnImage reports whether `make images` makes the image.
func (r *Runtime) isOwnImage(name string) bool {
	for language, image := range r.options.Images {
		if name == image && language.Facts().Image == "" {
			return true
		}
	}
	return false
}

func (r *Runtime) missingImage(step, name string, err error) error {
	if r.isOwnImage(name) {
		return failedFor(step, r.whyNotBuilt(name), err)
	}
	return failedFor(step, fmt.Sprintf("The Docker engine has no image %s: pull or build it there.", reason.Line(name, saidMax)), err)
}

// whyNotBuilt is the sentence for an image of a language that is not there.
func (r *Runtime) whyNotBuilt(name string) string {
	p := r.building()
	const nameMax = 80
	shown := reason.Line(name, nameMax)
	image, number := p.Of(name)
	switch {
	case image.State == imagebuild.Failed:
		return fmt.Sprintf("The image %s could not be built (%s): see the log of the server that built it, then run `make images`.", shown, image.Why)
	case p.Active && image.State == imagebuild.Building:
		return fmt.Sprintf("The image %s is being built, image %d of %d: try again in a minute.", shown, number, len(p.Images))
	case p.Active && image.State == imagebuild.Waiting:
		return fmt.Sprintf("The image %s is waiting to be built (%v): try again in some minutes.", shown, &p)
	}
	if p.Expected {
		return fmt.Sprintf("The Docker engine has no image %s yet, and the server is about to build it: try again in some minutes.", shown)
	}
	return fmt.Sprintf("The Docker engine has no image %s: run `make images`.", shown)
}

// building is how far the building of images is.
func (r *Runtime) building() imagebuild.Progress {
	if r.options.BuildDir == "" {
		return imagebuild.Progress{}
	}
	p := imagebuild.Read(r.options.BuildDir)
	p.Expected = r.options.WillBuild != nil && r.options.WillBuild()
	return p
}

// anyImage is one of the languages' images that the engine has.
func (r *Runtime) anyImage(ctx context.Context) (*imageFacts, error) {
	var last error
	for _, language := range runtimes.Languages() {
		name := r.options.Images[language]
		if name == "" {
			continue
		}
		image, err := r.inspectImage(ctx, name)
		if err == nil {
			return image, nil
		}
		last = err
	}
	return nil, fmt.Errorf("no image: %w", last)
}

// accessChoice is how the present engine is reached, decided once for each.
type accessChoice struct {
	mu     sync.Mutex
	chosen access  // nil: not decided yet
	cpus   float64 // that the engine's machine has; 0 before it was asked
	host   *cpus.Machine
	// written are the numbers of processors of which there are files.
	written map[int]bool
	remote  bool // an agent could not be met by a shared socket
	systemd bool // the engine's control groups are systemd's
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
	r.access.systemd = info.CgroupDriver == "systemd"
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
	guest, err := copyGuest(r.agent(), r.directory())
	if err != nil {
		return nil, err
	}
	shared := &sharedAccess{workspaces: r.options.Workspaces, environments: r.environments(), guest: guest}
	ws, _, err := shared.workspace(ctx, runtimes.Spec{Name: trialSession(), Limits: trialLimits})
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

// askVersions runs the tools in an environment. One that is not there is left
// out.
func askVersions(ctx context.Context, env runtimes.Environment, tools []runtimes.Tool) (map[string]string, error) {
	versions := make(map[string]string)
	for i := range tools {
		t := &tools[i]
		exit, output, err := run(ctx, env, runtimes.Command{Name: t.Name, Args: t.Args})
		if err != nil {
			return nil, err
		}
		if exit.Status != runtimes.Completed {
			continue
		}
		if version := t.Version(output); version != "" {
			versions[t.Name] = version
		}
	}
	return versions, nil
}
