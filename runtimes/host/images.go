package host

import (
	"context"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/imagebuild"
)

func (o Options) buildDir() string { return imagebuild.Dir(o.DockerHost, o.DataDir) }

// enginePoll is how often BuildImages looks whether an engine answers.
const enginePoll = time.Second

// BuildImages makes the images of languages that are missing, or were made by
// another recipe, by Options.BuildImages, a script such as
// docker/scripts/images.sh, one after another: first those whose languages
// nothing else serves. It begins once the engine answers to the runtimes of the
// registry, and returns when all are made or have failed, or ctx has ended, with
// which the script ends.
func (h *Host) BuildImages(ctx context.Context, registry *runtimes.Registry) {
	defer h.expected.Store(false)
	if h.options.BuildImages == "" || registry.Offer(runtimes.Docker).Runtime == nil {
		return
	}
	for ; !answers(registry); sleep(ctx, enginePoll) {
		if ctx.Err() != nil {
			return
		}
	}
	builder := imagebuild.Builder{
		Script: h.options.BuildImages, Dir: h.options.buildDir(), Logger: h.log,
		Image: func(recipe string) string { return runtimes.ImageOf(recipe, h.options.ImageTag) },
	}
	if h.options.ImageTag != "" {
		builder.Env = append(builder.Env, "TAG="+h.options.ImageTag)
	}
	if h.options.DockerHost != "" {
		builder.Env = append(builder.Env, "DOCKER_HOST="+h.options.DockerHost)
	}
	if err := builder.Run(ctx, recipes(registry)...); err != nil && ctx.Err() == nil {
		h.log.Warn("language images are not built", "error", err)
	}
}

// recipes are those of all languages, without repetition.
func recipes(registry *runtimes.Registry) []string {
	var alone, others []string
	for _, l := range runtimes.Languages() {
		recipe := l.Facts().Recipe
		if recipe == "" {
			continue
		}
		if registry.Select(l, runtimes.Balanced) == nil {
			alone = append(alone, recipe)
		} else {
			others = append(others, recipe)
		}
	}
	var all []string
	for _, recipe := range append(alone, others...) {
		if !slices.Contains(all, recipe) {
			all = append(all, recipe)
		}
	}
	return all
}

// answers reports whether an engine does, with images or without.
func answers(registry *runtimes.Registry) bool {
	return registry.Offer(runtimes.Docker).Availability.Version != ""
}

// Building reports whether this Host is building images, or will at once, which
// disturbs measurements.
func (h *Host) Building(registry *runtimes.Registry) bool {
	return h.expected.Load() && answers(registry)
}

// ImageProgress says which image of a language is being built now, by whatever
// server of this user; "" is none.
func (h *Host) ImageProgress() string {
	p := imagebuild.Read(h.options.buildDir())
	return p.String()
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
