package boxed

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// probeLimits are small, and enough for any of the tools.
var probeLimits = runtimes.Limits{
	MemoryBytes: 1 << 30, CPUs: 1, Processes: 128, DiskBytes: 64 << 20, OpenFiles: 1024, OutputBytes: 1 << 20,
}

// Probe makes a box for each language of the kit and runs a program in it. What
// isolates the box is what is reported.
func (r *Runtime) Probe(ctx context.Context) runtimes.Availability {
	mark := r.fingerprint(&Host{Options: &r.options})
	r.forgetBroken()
	a, retry := r.probe(ctx)
	if ctx.Err() == nil { // else it says nothing, and is worth repeating at once
		r.last.set(mark, retry)
	}
	return a
}

// probe also tells after what time it is worth repeating though the tools stay
// the same, never if that is zero.
func (r *Runtime) probe(ctx context.Context) (runtimes.Availability, time.Duration) {
	found, err := r.find(ctx)
	if err != nil {
		return runtimes.Unavailable(problemOf(err)), retryInterval
	}
	a := runtimes.Availability{Version: found.kit.Version, Tools: found.kit.Tools, Processes: true}
	for i := range found.kit.Languages {
		language := &found.kit.Languages[i]
		e, err := r.prove(ctx, found, language)
		if err != nil {
			a.Problems = runtimes.AddProblem(a.Problems, problemOf(err, language.Language))
			continue
		}
		a.Isolation, a.Terminal = e.isolation, e.terminal
		a.Languages = append(a.Languages, language.Language)
	}
	failed := len(a.Problems) > 0
	for _, p := range found.kit.Problems {
		a.Problems = runtimes.AddProblem(a.Problems, p)
	}
	switch {
	case len(a.Languages) == 0:
		nothing := runtimes.Unavailable(a.Problems...)
		nothing.Version, nothing.Tools = a.Version, a.Tools
		return nothing, retryInterval
	case failed:
		a.Available = true
		return a, retryInterval
	case found.broken():
		a.Available = true
		return a, brokenInterval
	}
	a.Available = true
	return a, 0
}

// problemOf makes a problem of what find or prove returned.
func problemOf(err error, languages ...runtimes.Language) runtimes.Problem {
	return runtimes.ProblemOf(err, stepTools, func(err error) string {
		return "its tools could not be looked at (" + reason.Cause(err) + "): " + reason.Again
	}, languages...)
}

// prove makes a box for a language, runs its check and removes the box. It
// returns what the environment was.
func (r *Runtime) prove(ctx context.Context, found *found, language *Language) (*Environment, error) {
	e, err := r.make(ctx, found, language, runtimes.Spec{
		Session: "probe-" + strings.ToLower(ulid.Make().String()), Language: language.Language, Limits: probeLimits,
	})
	if err != nil {
		return nil, err
	}
	err = check(ctx, e, &found.kit, language)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := errors.Join(e.Close(closing), e.workspace.Close()); err != nil {
		r.options.logger().Warn("the box of a probe could not be removed", "error", err)
	}
	return e, err
}
