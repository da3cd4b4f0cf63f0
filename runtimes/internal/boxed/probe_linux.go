package boxed

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/codebeaker/codebeaker/runtimes"
)

// probeLimits are small, and enough for any of the tools.
var probeLimits = runtimes.Limits{
	MemoryBytes: 1 << 30, CPUs: 1, Processes: 128, DiskBytes: 64 << 20, OpenFiles: 1024, OutputBytes: 1 << 20,
}

// Probe makes a box for each language of the kit and runs a program in it. What
// isolates the box is what is reported.
func (r *Runtime) Probe(ctx context.Context) runtimes.Availability {
	mark := r.fingerprint(&Host{Options: &r.options})
	a, complete := r.probe(ctx)
	r.last.set(mark, complete)
	return a
}

// probe also tells whether every language of the kit works.
func (r *Runtime) probe(ctx context.Context) (a runtimes.Availability, complete bool) {
	found, err := r.find(ctx)
	if err != nil {
		return runtimes.Availability{Reason: err.Error()}, false
	}
	a = runtimes.Availability{Version: found.kit.Version, Tools: found.kit.Tools, Processes: true}
	var failures []error
	for i := range found.kit.Languages {
		language := &found.kit.Languages[i]
		e, err := r.prove(ctx, found, language)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		a.Isolation, a.Terminal = e.isolation, e.terminal
		a.Languages = append(a.Languages, language.Language)
	}
	if len(a.Languages) == 0 {
		return runtimes.Availability{Version: a.Version, Tools: a.Tools, Reason: sentence(failures)}, false
	}
	for _, failure := range failures {
		r.options.logger().Warn("a language does not work in a box", "error", failure)
	}
	a.Available = true
	return a, len(failures) == 0
}

// sentence is the reason of the first failure.
func sentence(failures []error) string {
	var failed *runtimes.EnvironmentError
	if errors.As(failures[0], &failed) {
		return failed.Reason
	}
	return failures[0].Error()
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
	err = check(ctx, e, language)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := errors.Join(e.Close(closing), e.workspace.Close()); err != nil {
		r.options.logger().Warn("the box of a probe could not be removed", "error", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s does not work in a box: %w", language.Language, err)
	}
	return e, nil
}
