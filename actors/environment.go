package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/kernel"
)

// How an environment that was lost is replaced.
const (
	// replaceAttempts is how often the making of a replacement may fail.
	replaceAttempts = 3
	// maxLosses within lossWindow close the session: whatever it runs kills
	// its environment every time.
	maxLosses  = 5
	lossWindow = time.Minute
	// teardownTimeout bounds the removal of an environment.
	teardownTimeout = 30 * time.Second
)

// Messages from the environment to its session.
type (
	environmentReady struct {
		quiet
		environment runtimes.Environment
		// Of a pool: with a kernel that is ready, where the language has one, and
		// with the variables that the kernel does not know.
		pooled bool
		kernel *kernel.Kernel
		late   []string
	}
	environmentLost struct{ quiet }
	// environmentGone: there is none and there will be none.
	environmentGone struct {
		quiet
		err error
	}
	// environmentRemoved: nothing of it and of the workspace is left.
	environmentRemoved struct{ quiet }
)

// Messages of the environment to itself, and remove from its session.
type (
	made struct {
		quiet
		generation int
	}
	lost struct {
		quiet
		generation int
	}
	again struct {
		quiet
		generation int
	}
	remove struct{ quiet }
)

// environment is the actor that owns one session's environment: it makes it,
// notices its loss, replaces it on the same workspace, and removes it. Slow
// work runs outside and comes back as a message with a generation.
type environment struct {
	system  *System
	runtime runtimes.Runtime
	spec    runtimes.Spec // all but the name, which each environment has for itself
	env     []string      // see runtimes.Assignment
	session *actor.PID
	self    *actor.PID
	ends    *ends

	generation int
	attempts   int
	losses     []time.Time
	current    runtimes.Environment
	making     *creation
	claimed    bool          // it has asked the pools
	asked      *claim        // under way
	patience   *time.Timer   // of asked
	closing    chan struct{} // closed once the lost one is gone; nil without
	removed    bool
}

// Receive handles one message.
func (e *environment) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		e.self = ctx.Self()
		if !e.removed {
			e.make()
		}
	case *made:
		if m.generation == e.generation && !e.removed {
			e.made(<-e.making.done)
		}
	case *claimed:
		if m.generation == e.generation && e.asked != nil {
			e.answered()
		}
	case *again:
		if m.generation == e.generation && !e.removed {
			e.make()
		}
	case *lost:
		if m.generation == e.generation && !e.removed {
			e.lost()
		}
	case *remove, *actor.Stopping, *actor.Restarting:
		e.remove()
	}
}

// LossNotifier is an Environment that calls f once when it is lost, which
// spares a goroutine for each idle session.
type LossNotifier interface{ NotifyLost(f func()) }

// watch reports the loss of the environment.
func (e *environment) watch(env runtimes.Environment) {
	report := &lost{generation: e.generation}
	if n, ok := env.(LossNotifier); ok {
		n.NotifyLost(func() { e.system.root.Send(e.self, report) })
		return
	}
	removed := make(chan struct{})
	e.current = &watched{env, removed}
	go func() {
		select {
		case <-env.Lost():
			e.system.root.Send(e.self, report)
		case <-removed:
		}
	}()
}

// watched ends the goroutine that watches the environment when it is closed.
type watched struct {
	runtimes.Environment
	removed chan struct{}
}

// Close closes the environment and its watch. It is called once.
func (w *watched) Close(ctx context.Context) error {
	close(w.removed)
	return w.Environment.Close(ctx)
}

// lost replaces the environment.
func (e *environment) lost() {
	now := time.Now()
	for len(e.losses) > 0 && now.Sub(e.losses[0]) > lossWindow {
		e.losses = e.losses[1:]
	}
	e.losses = append(e.losses, now)
	gone := e.current
	e.current = nil
	e.tell(&environmentLost{})
	// What is left of the old one goes before the new one comes: they would
	// share the workspace and, in part, their names.
	e.generation++
	generation, closing := e.generation, make(chan struct{})
	e.closing = closing
	e.system.dispatcher.Schedule(func() {
		e.system.close(gone, e.ends.session.id)
		close(closing)
		e.system.root.Send(e.self, &again{generation: generation})
	})
	if len(e.losses) > maxLosses {
		e.generation++ // no replacement
		e.tell(&environmentGone{err: runtimes.ErrEnvironmentLost})
	}
}

// close removes an environment; what cannot be removed is logged and left to
// the next sweep.
func (s *System) close(env runtimes.Environment, session string) {
	ctx, cancel := context.WithTimeout(context.Background(), teardownTimeout)
	defer cancel()
	if err := env.Close(ctx); err != nil {
		s.options.Logger.Error("environment not removed", "session", session, "environment", env.ID(), "error", err)
	}
}

// remove ends everything, once, and tells the session when nothing is left.
func (e *environment) remove() {
	if e.removed {
		return
	}
	e.removed = true
	current, making, closing, workspace := e.current, e.making, e.closing, e.spec.Workspace
	if r := e.unclaim(); r != nil {
		current, workspace = r.environment, r.environment.Workspace()
	}
	if making != nil {
		making.cancel()
	}
	e.system.dispatcher.Schedule(func() {
		if making != nil {
			if r := <-making.done; r.err == nil {
				current, workspace = r.environment, r.environment.Workspace()
			}
		}
		if closing != nil {
			<-closing
		}
		if current != nil {
			e.system.close(current, e.ends.session.id)
		}
		if workspace != nil {
			if err := workspace.Close(); err != nil {
				e.system.options.Logger.Error("workspace not removed", "session", e.ends.session.id, "error", err)
			}
		}
		e.ends.one()
		e.tell(&environmentRemoved{})
	})
}

func (e *environment) tell(m any) { e.system.root.Send(e.session, m) }

// creation is an environment under way. done is filled before made is sent.
type creation struct {
	cancel context.CancelFunc
	done   chan result
}

type result struct {
	environment runtimes.Environment
	ready       *pooled // that it was, of a pool
	err         error
}

// make starts making an environment, or asks the pools for one.
func (e *environment) make() {
	if !e.claim() {
		e.create(nil)
	}
}

// create has an environment made, if r, which a pool gave, cannot become the
// session's.
func (e *environment) create(r *pooled) {
	e.generation++
	generation := e.generation
	ctx, cancel := context.WithCancel(context.Background())
	making := &creation{cancel: cancel, done: make(chan result, 1)}
	e.making = making
	spec, assign := e.spec, runtimes.Assignment{Session: e.ends.session.id, Env: e.env}
	if flows := e.system.options.Flows; flows != nil {
		session := e.ends.session
		assign.Flows = func(f runtimes.NetworkFlow) { flows(session.id, session.owner, f) }
	}
	spec.Name = strings.ToLower(newID())
	e.system.dispatcher.Schedule(func() {
		defer cancel()
		if r != nil && e.system.adopt(ctx, r, &spec, assign) {
			making.done <- result{environment: r.environment, ready: r}
		} else {
			environment, err := e.system.makeEnvironment(ctx, e.runtime, spec, assign)
			making.done <- result{environment: environment, err: err}
		}
		e.system.root.Send(e.self, &made{generation: generation})
	})
}

// makeFor makes an environment and gives it to its session.
func (s *System) makeFor(ctx context.Context, rt runtimes.Runtime, spec runtimes.Spec, assign runtimes.Assignment) (runtimes.Environment, error) {
	env, err := rt.Create(ctx, spec)
	if err != nil {
		return nil, err
	}
	if err = env.Assign(ctx, assign); err == nil {
		return env, nil
	}
	s.close(env, assign.Session)
	if spec.Workspace == nil {
		err = errors.Join(err, env.Workspace().Close())
	}
	return nil, err
}

// makeEnvironment waits for its turn, makes an environment, and never panics.
func (s *System) makeEnvironment(ctx context.Context, rt runtimes.Runtime, spec runtimes.Spec, assign runtimes.Assignment) (env runtimes.Environment, err error) {
	select {
	case s.creating <- struct{}{}:
		defer func() { <-s.creating }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	start := time.Now()
	defer func() {
		if err == nil {
			s.creations.note(time.Since(start))
		}
	}()
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%w: the %v runtime panicked: %v", ErrInternal, rt.Type(), reason)
		}
		s.options.Observer.EnvironmentCreated(rt.Type(), time.Since(start), err)
	}()
	timeout := s.options.CreateTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &runtimes.EnvironmentError{
		Runtime: rt.Type(), Step: "create",
		Reason: fmt.Sprintf("the environment was not ready within %v: see whether the server's host is overloaded, "+
			"then try again; the operator may allow more time (--create-timeout)", timeout),
		Err: context.DeadlineExceeded,
	})
	defer cancel()
	env, err = s.makeFor(ctx, rt, spec, assign)
	if err != nil && ctx.Err() != nil {
		var named *runtimes.EnvironmentError
		if !errors.As(err, &named) {
			err = context.Cause(ctx)
		}
	}
	return env, err
}

func (e *environment) made(r result) {
	e.making = nil
	if r.err != nil {
		e.failed(r.err)
		return
	}
	e.attempts = 0
	e.current = r.environment
	e.spec.Workspace = r.environment.Workspace()
	e.watch(r.environment)
	ready := &environmentReady{environment: r.environment}
	if r.ready != nil {
		ready.pooled, ready.kernel, ready.late = true, r.ready.kernel, e.env
		e.spec.HostName = runtimes.HostName(r.ready.name) // of one that takes its place, too
	}
	e.tell(ready)
}

// failed tries again, unless this was the first environment of the session:
// then its maker is told.
func (e *environment) failed(err error) {
	e.attempts++
	if e.spec.Workspace == nil || e.attempts >= replaceAttempts {
		e.warn("environment not made", err)
		e.tell(&environmentGone{err: err})
		return
	}
	e.warn("environment not replaced, trying again", err)
	generation := e.generation
	time.AfterFunc(time.Duration(e.attempts)*500*time.Millisecond, func() {
		e.system.root.Send(e.self, &again{generation: generation})
	})
}

// warn logs which step of a making failed and why. It is the only place that
// does: who asked is told a sentence.
func (e *environment) warn(message string, err error) {
	step, cause := "create", err
	var failed *runtimes.EnvironmentError
	if errors.As(err, &failed) {
		step = failed.Step
		if err == error(failed) { // else it came with more
			cause = failed.Err
		}
	}
	e.system.options.Logger.Warn(message, "session", e.ends.session.id, "runtime", e.runtime.Type().String(),
		"step", step, "error", cause)
}
