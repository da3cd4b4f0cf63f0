package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Probe asks the engine what it has, and tries each image that it has not seen
// before by making a real environment from it. Later probes cost a few calls.
func (r *Runtime) Probe(ctx context.Context) runtimes.Availability {
	var found runtimes.Availability
	if err := r.engine.ping(ctx); err != nil {
		found.Reason = r.unreachable(err)
		return found
	}
	version, err := r.engine.version(ctx)
	if err != nil {
		found.Reason = r.unreachable(err)
		return found
	}
	found.Version = version.Version
	if found.Reason = agentProblem(r.options.Guest, version.Arch); found.Reason != "" {
		return found
	}
	r.startLoops()
	r.probes.warnOnce(r.log, runcWarning(version))

	trials, reason := r.tryImages(ctx)
	if len(trials) == 0 {
		found.Reason = reason
		return found
	}
	found.Available, found.Processes = true, true
	found.Tools = make(map[string]string)
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

// tryImages returns a trial for each language that can be served, and why there
// is none.
func (r *Runtime) tryImages(ctx context.Context) (map[runtimes.Language]*trial, string) {
	trials := make(map[runtimes.Language]*trial)
	reason := "The Docker engine has no image of a language: run `make images`."
	for _, language := range runtimes.Languages() {
		name := r.options.Images[language]
		if name == "" {
			continue
		}
		image, err := r.inspectImage(ctx, name)
		if cerrdefs.IsNotFound(err) {
			continue
		}
		var done *trial
		if err == nil {
			done, err = r.probes.try(ctx, r, language, image)
		}
		if err != nil {
			r.log.Warn("an image cannot be used", "image", name, "error", err)
			reason = publicReason(err)
			if errors.Is(err, context.DeadlineExceeded) {
				break // nor would the next one be answered
			}
			continue
		}
		trials[language] = done
	}
	return trials, reason
}

// unreachable is the reason why there is no engine, for the operator.
func (r *Runtime) unreachable(err error) string {
	if client.IsErrConnectionFailed(err) && !isPermission(err) {
		return fmt.Sprintf("No Docker engine answers at %s: start it or run `make engine`.", r.engine.address())
	}
	return reasonFor("ask for the version", err)
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
