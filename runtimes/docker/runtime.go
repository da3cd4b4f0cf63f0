package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/imagebuild"
	"github.com/codebeaker/codebeaker/runtimes/internal/leftover"
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
	// Guest is the path of the agent's binary; "" finds one for the engine's
	// processor as package guestbin says. Without one the runtime is not
	// available, and says so.
	Guest string
	// Images by language; nil means those with the tag latest.
	Images map[runtimes.Language]string
	// BuildDir is where the progress of building them is kept; "" is nowhere.
	BuildDir string
	// WillBuild reports whether this server is about to build what is missing;
	// nil is no.
	WillBuild func() bool
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
	options   Options
	log       *slog.Logger
	engine    *engine
	claims    claims
	probes    probes
	gvisor    gvisorChoice
	last      lastProbe
	left      leftover.Keeper
	handshake handshaker
	guest     atomic.Pointer[string] // see agent

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
		options.Images = Images("")
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
	r.handshake = agentLink(r.log, options.Groups)
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
	return errors.Join(append(errs, r.left.Close(), r.engine.close())...)
}

const (
	// reconnectFirst and reconnectLast bound the waits between attempts to
	// follow the engine's events.
	reconnectFirst = 100 * time.Millisecond
	reconnectLast  = 5 * time.Second
)

// watch follows the engine's events until ctx ends. Events are only hints: the
// stream may have gaps, so after each connect everything is compared.
func (r *Runtime) watch(ctx context.Context) {
	wait := reconnectFirst
	for ctx.Err() == nil {
		connected := time.Now()
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(connected) > reconnectLast {
			wait = reconnectFirst
			r.log.Warn("the Docker engine's events ended; connecting again", "error", err)
		}
		r.forgetAccess()
		r.probes.forget()
		r.gvisor.learn(gvisorTrial{})
		r.last.forget()
		sleep(ctx, wait)
		wait = min(2*wait, reconnectLast)
	}
}

// follow reads events until the stream ends.
func (r *Runtime) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Events waits for the header of the reply, which a stalled engine never sends.
	guard := time.AfterFunc(r.engine.read, cancel)
	// Any call before: the client agrees on a version of the API with the first,
	// which Events does not wait for (a data race in docker/client v28.5.2).
	if _, err := r.engine.version(ctx); err != nil {
		return err
	}
	messages, errs := r.engine.events(ctx, r.ours())
	if !guard.Stop() {
		return context.DeadlineExceeded
	}
	r.kick()
	for {
		select {
		case message := <-messages:
			r.noticed(message)
		case err := <-errs:
			return err
		}
	}
}

// noticed acts on one event: a process killed because memory ran out, the death of a container that somebody answers
// for, and the birth of one that nobody does (a create whose reply was lost).
func (r *Runtime) noticed(message events.Message) {
	name := message.Actor.Attributes["name"]
	env, claimed := r.claims.holds(name)
	switch message.Action {
	case events.ActionCreate:
		if !claimed {
			r.kick()
		}
	case events.ActionOOM:
		if env != nil {
			env.ooms.note()
		}
	case events.ActionDie, events.ActionDestroy:
		if env != nil {
			env.lose("its container has ended: " + string(message.Action))
		}
	}
}

// events subscribes to what happens to containers. The stream lives until ctx
// ends; the engine is asked for the last seconds too, for it may answer before
// it listens.
func (e *engine) events(ctx context.Context, which filters.Args) (<-chan events.Message, <-chan error) {
	which.Add("type", string(events.ContainerEventType))
	for _, action := range []events.Action{events.ActionCreate, events.ActionOOM, events.ActionDie, events.ActionDestroy} {
		which.Add("event", string(action))
	}
	return e.api.Events(ctx, events.ListOptions{Since: "2s", Filters: which})
}

// How soon a probe of an engine that answers and did not offer everything is
// worth repeating.
const (
	// retryInterval: nothing works, or an image is missing, which may have been
	// built meanwhile.
	retryInterval = 30 * time.Second
	// brokenInterval: an image does not work, and others do. To try it again
	// costs a container.
	brokenInterval = 5 * time.Minute
)

// retryOf is that time, zero for a probe that found nothing wrong.
func retryOf(a *runtimes.Availability) time.Duration {
	switch {
	case a.Available && slices.ContainsFunc(a.Problems, func(p runtimes.Problem) bool { return !p.Absent }):
		return brokenInterval
	case len(a.Problems) > 0:
		return retryInterval
	}
	return 0
}

// lastProbe is what decides whether another one is worth it. Its zero value is
// no probe. It is safe for use by several goroutines.
type lastProbe struct {
	mu       sync.Mutex
	at       time.Time // zero: there was none
	answered bool      // the engine did
	retry    time.Duration
	// lacking are the images that a language lacked, with the id of one that
	// is there and did not work; building is how far their building was.
	lacking  map[string]string
	building imagebuild.Progress
}

func (p *lastProbe) set(answered bool, retry time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.answered, p.retry = time.Now(), answered, retry
}

// forget makes the next look a reason for another probe.
func (p *lastProbe) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = time.Time{}
}

// lack notes what was found of the images.
func (p *lastProbe) lack(images map[string]string, building imagebuild.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lacking, p.building = images, building
}

func (p *lastProbe) lacked() (images map[string]string, building imagebuild.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lacking, p.building
}

func (p *lastProbe) outdated(answers bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at.IsZero() || p.answered != answers || answers && p.retry > 0 && time.Since(p.at) >= p.retry
}

var _ runtimes.Watcher = (*Runtime)(nil)

// Changed reports whether the engine answers again, or no longer, whether an
// image that a language lacked has come or was built anew, or whether the last
// Probe is worth repeating. It implements runtimes.Watcher.
func (r *Runtime) Changed(ctx context.Context) bool {
	answers := r.engine.ping(ctx) == nil
	return r.last.outdated(answers) || answers && r.imagesChanged(ctx)
}

// imagesChanged asks the engine for the images that did not work only.
func (r *Runtime) imagesChanged(ctx context.Context) bool {
	lacking, building := r.last.lacked()
	if len(lacking) == 0 {
		return false
	}
	if now := r.building(); !now.Equal(&building) {
		return true
	}
	for name, id := range lacking {
		now, err := r.imageID(ctx, name)
		if err == nil && now != id {
			return true
		}
	}
	return false
}
