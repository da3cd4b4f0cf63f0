package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// trialLimits are those of an environment that is made to see what it gives.
var trialLimits = runtimes.Limits{
	MemoryBytes: 256 << 20, CPUs: 1, Processes: 64, DiskBytes: 16 << 20, OpenFiles: 1024,
}

// trialSession names the session of a trial; several may be under way.
func trialSession() string { return "probe-" + randomName()[:8] }

// trial is what was learnt from a real environment.
type trial struct {
	tools    map[string]string
	layers   []runtimes.Layer
	terminal bool
}

// trialKey names what a trial is true of: an image's id, which names its
// content, and the first of the language's tools.
type trialKey struct{ image, tool string }

// probes remembers trials that went well, so that a probe is cheap.
type probes struct {
	trying sync.Mutex // one trial at a time

	mu     sync.Mutex
	trials map[trialKey]*trial
	warned string
}

// warnOnce logs a warning when it is not the last one that was logged.
func (p *probes) warnOnce(log *slog.Logger, warning string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if warning != p.warned && warning != "" {
		log.Warn(warning)
	}
	p.warned = warning
}

// forget makes the next probe try everything again.
func (p *probes) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trials = nil
}

// try makes an environment from the image, unless that has been done.
func (p *probes) try(ctx context.Context, r *Runtime, language runtimes.Language, image *imageFacts) (*trial, error) {
	p.trying.Lock()
	defer p.trying.Unlock()
	key := trialKey{image: image.id}
	tools := toolsOf(language, image)
	if len(tools) > 0 {
		key.tool = tools[0].name
	}
	if known := p.known(key); known != nil {
		return known, nil
	}
	done, err := r.try(ctx, language, tools)
	if err == nil {
		p.learn(key, done)
	}
	return done, err
}

func (p *probes) known(key trialKey) *trial {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trials[key]
}

func (p *probes) learn(key trialKey, t *trial) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trials == nil {
		p.trials = make(map[trialKey]*trial)
	}
	p.trials[key] = t
}

// try makes an environment and asks its tools for their versions. Where the
// agent cannot be started or met in shared directories it tries once more over
// streams, and stays with them if that goes well.
func (r *Runtime) try(ctx context.Context, language runtimes.Language, tools []tool) (*trial, error) {
	env, err := r.makeTrial(ctx, language)
	if err != nil && sharingMayFail(err) && r.giveUpSharing() {
		var second error
		if env, second = r.makeTrial(ctx, language); second != nil {
			r.forgetAccess() // it was not the sharing
			return nil, err
		}
		r.log.Info("an agent cannot be started or met in directories shared with the Docker engine; "+
			"files go through the agent", "error", err)
		err = nil
	}
	if err != nil {
		return nil, err
	}
	defer closeTrial(ctx, env)
	versions, err := askVersions(ctx, env, tools)
	if err != nil {
		return nil, failedFor("ask the tools for their versions", fmt.Sprintf("The container of the language %s ended while "+
			"its tools were asked for their versions (%s): see whether the image is whole, and run `make images`.",
			language, reason.Cause(err)), err)
	}
	return &trial{tools: versions, layers: env.isolation.Layers, terminal: env.terminal}, nil
}

// sharingMayFail reports whether the error is one that shared directories which
// do not carry programs or sockets would give.
func sharingMayFail(err error) bool {
	var failure *runtimes.EnvironmentError
	if !errors.As(err, &failure) {
		return false
	}
	return failure.Step == stepMeetAgent || failure.Step == stepStart && !errors.Is(err, context.DeadlineExceeded)
}

func (r *Runtime) makeTrial(ctx context.Context, language runtimes.Language) (*Environment, error) {
	return r.create(ctx, runtimes.Spec{Session: trialSession(), Language: language, Limits: trialLimits})
}

func closeTrial(ctx context.Context, env runtimes.Environment) {
	env.Close(context.WithoutCancel(ctx))
	env.Workspace().Close()
}
