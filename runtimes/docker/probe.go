package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/client"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// Probe asks the engine what it has, and tries each image that it has not seen
// before by making a real environment from it. Later probes cost a few calls.
func (r *Runtime) Probe(ctx context.Context) runtimes.Availability {
	var found runtimes.Availability
	var version types.Version
	err := r.engine.ping(ctx)
	answers := err == nil
	if answers {
		version, err = r.engine.version(ctx)
	}
	if err == nil {
		found = r.probe(ctx, version)
	} else {
		found = runtimes.Unavailable(runtimes.Problem{Step: stepVersion, Reason: r.unreachable(err), Err: err})
	}
	if ctx.Err() == nil { // else it says nothing, and is worth repeating at once
		r.last.set(answers, retryOf(&found))
	}
	return found
}

// probe finds out what an engine that answers offers.
func (r *Runtime) probe(ctx context.Context, version types.Version) runtimes.Availability {
	if why, err := agentProblem(r.options.Guest, version.Arch); err != nil {
		return offers(version.Version, runtimes.Problem{Step: "find guest", Reason: why, Err: err})
	}
	r.startLoops()
	r.probes.warnOnce(r.log, runcWarning(version))

	trials, problems := r.tryImages(ctx)
	if len(trials) == 0 {
		return offers(version.Version, problems...)
	}
	found := runtimes.Availability{
		Available: true, Version: version.Version, Processes: true, Problems: problems, Tools: make(map[string]string),
	}
	var layers [][]runtimes.Layer
	for _, language := range runtimes.Languages() {
		trial := trials[language]
		if trial == nil {
			continue
		}
		found.Languages = append(found.Languages, language)
		found.Terminal = trial.terminal
		maps.Copy(found.Tools, trial.tools)
		layers = append(layers, trial.layers)
	}
	found.Isolation = runtimes.NewIsolation(common(layers)...)
	return found
}

// offers is the availability of an engine of that version that is of no use.
func offers(version string, problems ...runtimes.Problem) runtimes.Availability {
	found := runtimes.Unavailable(problems...)
	found.Version = version
	return found
}

// The steps of a probe; that of trying an image is told where no smaller one is
// known.
const (
	stepVersion = "ask for the version"
	stepTry     = "try an image"
)

// tryImages returns a trial for each language that can be served, and why the
// others cannot.
func (r *Runtime) tryImages(ctx context.Context) (map[runtimes.Language]*trial, []runtimes.Problem) {
	trials := make(map[runtimes.Language]*trial)
	var problems []runtimes.Problem
	for _, language := range runtimes.Languages() {
		name := r.options.Images[language]
		if name == "" {
			continue
		}
		done, err := r.tryImage(ctx, language, name)
		if err == nil {
			trials[language] = done
			continue
		}
		p := runtimes.ProblemOf(err, stepTry, func(err error) string { return reasonFor(stepTry, err) }, language)
		p.Absent = cerrdefs.IsNotFound(err) && p.Step == stepImage
		p.Err = fmt.Errorf("image %s: %w", name, p.Err)
		problems = runtimes.AddProblem(problems, p)
		if errors.Is(err, context.DeadlineExceeded) {
			break // nor would the next one be answered
		}
	}
	return trials, first(trials, problems)
}

func (r *Runtime) tryImage(ctx context.Context, language runtimes.Language, name string) (*trial, error) {
	image, err := r.inspectImage(ctx, name)
	if cerrdefs.IsNotFound(err) {
		return nil, r.missingImage(stepImage, name, err)
	}
	if err != nil {
		return nil, failed(stepImage, err)
	}
	return r.probes.try(ctx, r, language, image)
}

// first puts what gives the reason before the rest, where no language is served:
// an image that does not work, else that there is none.
func first(trials map[runtimes.Language]*trial, problems []runtimes.Problem) []runtimes.Problem {
	if len(trials) > 0 {
		return problems
	}
	for i := range problems {
		if !problems[i].Absent {
			return slices.Concat(problems[i:i+1], problems[:i], problems[i+1:])
		}
	}
	var all []error
	for i := range problems {
		all = append(all, problems[i].Err)
	}
	return []runtimes.Problem{{
		Absent: true, Step: stepImage, Err: errors.Join(all...),
		Reason: "The Docker engine has no image of a language: run `make images`.",
	}}
}

// unreachable is the reason why there is no engine, for the operator.
func (r *Runtime) unreachable(err error) string {
	if client.IsErrConnectionFailed(err) && !isPermission(err) && !isTLS(err) {
		return fmt.Sprintf("No Docker engine answers at %s: start it or run `make engine`.", reason.Line(r.engine.address(), saidMax))
	}
	return reasonFor(stepVersion, err)
}

// common are the layers that are in all lists, in the order of the first.
func common(lists [][]runtimes.Layer) []runtimes.Layer {
	if len(lists) == 0 {
		return nil
	}
	counts := make(map[runtimes.Layer]int)
	for _, list := range lists {
		for _, layer := range list {
			counts[layer]++
		}
	}
	var everywhere []runtimes.Layer
	for _, layer := range lists[0] {
		if counts[layer] == len(lists) {
			everywhere = append(everywhere, layer)
		}
	}
	return everywhere
}
