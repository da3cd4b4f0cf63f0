package fake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Runtime is the fake runtime. Its methods are safe for use by several
// goroutines.
type Runtime struct {
	options Options

	mu           sync.Mutex
	reason       string // why it is not available; "" it is
	probed       string // reason as of the last Probe
	createError  error
	tools        int // how often they were replaced
	environments map[*Environment]struct{}
}

var (
	_ runtimes.Runtime      = (*Runtime)(nil)
	_ runtimes.Watcher      = (*Runtime)(nil)
	_ runtimes.StaleChecker = (*Runtime)(nil)
)

// New makes a runtime that is available.
func New(o Options) *Runtime {
	o.applyDefaults()
	return &Runtime{options: o, environments: make(map[*Environment]struct{})}
}

// Type is Options.Type.
func (r *Runtime) Type() runtimes.Type { return r.options.Type }

// Probe answers at once.
func (r *Runtime) Probe(context.Context) runtimes.Availability {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.probed = r.reason
	return runtimes.Availability{
		Available: r.reason == "", Reason: r.reason, Version: "1.0.0",
		Languages: r.options.Languages, Terminal: true, Processes: true,
		Isolation: r.isolation(),
	}
}

// Changed reports whether SetUnavailable or SetAvailable changed something
// since the last Probe.
func (r *Runtime) Changed(context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.probed != r.reason
}

// SetUnavailable makes probes say that the runtime is not there, and why.
// Living environments go on.
func (r *Runtime) SetUnavailable(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reason = reason
}

// SetAvailable takes SetUnavailable back.
func (r *Runtime) SetAvailable() { r.SetUnavailable("") }

// FailCreates makes every Create fail with err; nil lets them pass again.
func (r *Runtime) FailCreates(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.createError = err
}

// ReplaceTools makes every environment that lives stale.
func (r *Runtime) ReplaceTools() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tools++
}

// Stale reports whether the tools were replaced since the environment was made.
func (r *Runtime) Stale(_ context.Context, env runtimes.Environment) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return env.(*Environment).tools != r.tools
}

// Environments returns those that live, in no order.
func (r *Runtime) Environments() []*Environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	living := make([]*Environment, 0, len(r.environments))
	for e := range r.environments {
		living = append(living, e)
	}
	return living
}

// Environment returns the living environment of a session, nil without one.
func (r *Runtime) Environment(session string) *Environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := range r.environments {
		if e.session == session {
			return e
		}
	}
	return nil
}

// made numbers the environments of all fake runtimes.
var made atomic.Uint64

// Create makes an environment after the delay.
func (r *Runtime) Create(ctx context.Context, spec runtimes.Spec) (runtimes.Environment, error) {
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	if err := r.createFails(spec); err != nil {
		return nil, &runtimes.EnvironmentError{
			Runtime: r.Type(), Step: "create", Reason: "the fake runtime was told to fail", Err: err,
		}
	}
	ws := spec.Workspace
	if ws == nil {
		ws = &files{dir: r.options.Dir, session: spec.Name}
	}
	e := &Environment{
		runtime: r, id: fmt.Sprintf("fake-%d", made.Add(1)),
		limits:    runtimes.Limits{OutputBytes: spec.Limits.OutputBytes},
		workspace: ws,
		processes: make(map[*process]struct{}),
	}
	r.mu.Lock()
	e.tools = r.tools
	r.environments[e] = struct{}{}
	r.mu.Unlock()
	return e, nil
}

// Adopt fails: nothing of a fake outlives its process.
func (r *Runtime) Adopt(context.Context, runtimes.Handle) (runtimes.Environment, error) {
	return nil, runtimes.ErrCannotAdopt
}

func (r *Runtime) wait(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil || r.options.CreateDelay <= 0 {
		return err
	}
	timer := time.NewTimer(r.options.CreateDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *Runtime) createFails(spec runtimes.Spec) error {
	r.mu.Lock()
	err := r.createError
	r.mu.Unlock()
	if err == nil && r.options.CreateError != nil {
		err = r.options.CreateError(spec)
	}
	return err
}

func (r *Runtime) isolation() runtimes.Isolation { return runtimes.Isolation{Score: r.options.Score} }

func (r *Runtime) forget(e *Environment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.environments, e)
}

// Sweep finds nothing: nothing of a fake outlives its process but what a
// killed test left among the temporary files.
func (r *Runtime) Sweep(context.Context) error { return nil }

// Close fails when environments are left: their owners close them before.
func (r *Runtime) Close() error {
	if left := len(r.Environments()); left > 0 {
		return fmt.Errorf("%w: %d", errStillOpen, left)
	}
	return nil
}

var errStillOpen = errors.New("environments are still open")

// Options set up a Runtime. The zero value is a Native runtime that serves all
// of Native's languages at once and without fail.
type Options struct {
	// Type is the kind it says it is. Zero is Native.
	Type runtimes.Type
	// Languages are those served; nil is all that a runtime of that type may
	// serve.
	Languages []runtimes.Language
	// Score is the isolation score it claims, 0 to 10.
	Score int
	// Programs are found before the built-in ones, by name.
	Programs map[string]Program
	// CreateDelay is how long a Create takes.
	CreateDelay time.Duration
	// CreateError, when set, is asked by each Create after the delay; what it
	// returns fails it.
	CreateError func(runtimes.Spec) error
	// AssignError, when set, is asked by each Assign; what it returns fails it.
	AssignError func(runtimes.Assignment) error
	// Dir holds the workspaces. "" is the directory for temporary files.
	Dir string
}

func (o *Options) applyDefaults() {
	if o.Type == 0 {
		o.Type = runtimes.Native
	}
	if o.Languages != nil {
		return
	}
	for _, language := range runtimes.Languages() {
		for _, served := range language.Runtimes() {
			if served == o.Type {
				o.Languages = append(o.Languages, language)
			}
		}
	}
}
