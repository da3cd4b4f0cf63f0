package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// Options configure a Runtime.
type Options struct {
	// DataDir is the server's data directory; the runtime uses a folder
	// "docker" in it. Required.
	DataDir string
	// Mark names the data directory on the engine, in labels. Required.
	Mark string
	// Host is the engine's address: unix:///…, tcp://…. Empty means
	// DOCKER_HOST or the platform's usual one.
	Host string
	// Workspaces makes the sessions' directories. Required.
	Workspaces *workspace.Manager
	// Guest is the path of the agent's binary. Without one the runtime is not
	// available, and says so.
	Guest string
	// Images by language; nil means DefaultImages.
	Images map[runtimes.Language]string
	// AllowImages are the images that Spec.Image may name.
	AllowImages runtimes.Images
	// Remote forbids to share files with the engine, even one that could: the
	// way for an engine on another machine is taken.
	Remote bool
	// Groups finds the control groups of this host; nil uses none, and the
	// agent keeps track of programs by itself.
	Groups *cgroup.Finder
	// Egress is what sessions with a network may reach.
	Egress egress.Options
	// Logger may be nil.
	Logger *slog.Logger

	// deadlines are shortened by tests; zero means defaultDeadlines.
	deadlines deadlines
	// lendNetworks has root make networks as an ordinary user must; for tests.
	lendNetworks bool
}

// Runtime makes environments that are containers of one Docker engine. It is
// safe for use by several goroutines.
type Runtime struct {
	options Options
	log     *slog.Logger
	engine  *engine
	claims  claims
	probes  probes
	last    lastProbe
	greet   greeter

	access accessChoice

	kicked    chan struct{}
	watchOnce sync.Once
	stop      context.CancelFunc
	life      context.Context
	loops     sync.WaitGroup
}

var _ runtimes.Runtime = (*Runtime)(nil)

// New makes a runtime. It does not connect to the engine, which may come later.
func New(options Options) (*Runtime, error) {
	switch {
	case options.DataDir == "":
		return nil, fmt.Errorf("docker: no data directory")
	case options.Mark == "":
		return nil, fmt.Errorf("docker: no mark of the data directory")
	}
	if options.Images == nil {
		options.Images = DefaultImages
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.deadlines == (deadlines{}) {
		options.deadlines = defaultDeadlines
	}
	data, err := filepath.Abs(options.DataDir)
	if err != nil {
		return nil, fmt.Errorf("docker: %w", err)
	}
	options.DataDir = data // the engine takes absolute paths only
	api, err := newEngine(options.Host, options.deadlines)
	if err != nil {
		return nil, err
	}
	r := &Runtime{
		options: options, engine: api, kicked: make(chan struct{}, 1),
		log: options.Logger.With("runtime", runtimes.Docker.String()),
	}
	r.greet = agentLink(r.log, options.Groups)
	r.life, r.stop = context.WithCancel(context.Background())
	// Only root and this user look in here: the agents' sockets are below.
	err = os.MkdirAll(r.environments(), 0o700)
	if err == nil {
		err = os.Chmod(r.environments(), 0o700)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("docker: make directory: %w", err), api.close())
	}
	return r, nil
}

// directory is the runtime's own place in the data directory.
func (r *Runtime) directory() string { return filepath.Join(r.options.DataDir, "docker") }

// environments holds one directory for each environment.
func (r *Runtime) environments() string { return filepath.Join(r.directory(), "environments") }

// Type is runtimes.Docker.
func (r *Runtime) Type() runtimes.Type { return runtimes.Docker }

// startLoops begins to follow the engine, once one has answered.
func (r *Runtime) startLoops() {
	r.watchOnce.Do(func() {
		r.loops.Go(func() { r.watch(r.life) })
		r.loops.Go(func() { r.tidy(r.life) })
	})
}

// Close stops following the engine. Environments are closed before, by their
// owners; one that was forgotten is closed now.
func (r *Runtime) Close() error {
	r.watchOnce.Do(func() {}) // none starts from here on
	r.stop()
	var errs []error
	for _, env := range r.claims.environments() {
		r.log.Warn("an environment was not closed by its owner", "container", env.container)
		errs = append(errs, env.Close(context.Background()))
	}
	r.loops.Wait()
	return errors.Join(append(errs, r.engine.close())...)
}
