package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// creation is an environment under way. done is filled before made is sent.
type creation struct {
	cancel context.CancelFunc
	done   chan result
}

type result struct {
	environment runtimes.Environment
	err         error
}

// make starts making an environment.
func (e *environment) make() {
	e.generation++
	generation := e.generation
	ctx, cancel := context.WithCancel(context.Background())
	making := &creation{cancel: cancel, done: make(chan result, 1)}
	e.making = making
	spec := e.spec
	e.system.dispatcher.Schedule(func() {
		defer cancel()
		environment, err := e.system.makeEnvironment(ctx, e.runtime, spec)
		making.done <- result{environment, err}
		e.system.root.Send(e.self, &made{generation: generation})
	})
}

// makeEnvironment waits for its turn, makes an environment, and never panics.
func (s *System) makeEnvironment(ctx context.Context, rt runtimes.Runtime, spec runtimes.Spec) (env runtimes.Environment, err error) {
	select {
	case s.creating <- struct{}{}:
		defer func() { <-s.creating }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	start := time.Now()
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
	env, err = rt.Create(ctx, spec)
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
	e.tell(&environmentReady{environment: r.environment})
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
	e.system.options.Logger.Warn(message, "session", e.spec.Session, "runtime", e.runtime.Type().String(),
		"step", step, "error", cause)
}
