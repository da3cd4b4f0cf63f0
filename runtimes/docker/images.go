package docker

import (
	"context"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// DefaultImages are the images that `make images` builds.
var DefaultImages = map[runtimes.Language]string{
	runtimes.JavaScript: "codebeaker-nodejs:latest",
	runtimes.TypeScript: "codebeaker-nodejs:latest",
	runtimes.Python:     "codebeaker-python:latest",
	runtimes.Go:         "codebeaker-golang:latest",
	runtimes.CSharp:     "codebeaker-dotnet:latest",
}

// imageFacts is what matters of an image. The id names its content, so facts
// learnt of an id stay true.
type imageFacts struct {
	id        string
	env       []string
	volumes   map[string]struct{}
	toolchain string // the value of labelToolchain, or ""
	ours      bool   // made by `make images`, or from such a one
}

// inspectImage asks the engine; see missingImage for one that is not there.
func (r *Runtime) inspectImage(ctx context.Context, name string) (*imageFacts, error) {
	found, err := r.engine.image(ctx, name)
	if err != nil {
		return nil, err
	}
	if found.ID == "" {
		return nil, fmt.Errorf("the engine's description of image %q has no id", name)
	}
	facts := &imageFacts{id: found.ID}
	if found.Config != nil {
		facts.env = found.Config.Env
		facts.volumes = found.Config.Volumes
		facts.toolchain = found.Config.Labels[labelToolchain]
		facts.ours = found.Config.Labels[labelApp] == appName
	}
	return facts, nil
}

// stepImage is the step of looking up an image.
const stepImage = "find image"

// imageFor picks the image of a session and looks it up.
func (r *Runtime) imageFor(ctx context.Context, spec runtimes.Spec) (*imageFacts, error) {
	name := r.options.Images[spec.Language]
	if spec.Image != "" {
		var ok bool
		if name, ok = r.options.AllowImages.Allowed(spec.Image); !ok {
			return nil, refused(stepImage, fmt.Sprintf(
				"The image %q is not among those the operator allows (--allow-image): name another, or none.", reason.Line(spec.Image, saidMax)))
		}
	}
	if name == "" {
		return nil, refused(stepImage, fmt.Sprintf(
			"There is no image for the language %q: name one with dockerImage, or another runtime.", spec.Language))
	}
	facts, err := r.inspectImage(ctx, name)
	if cerrdefs.IsNotFound(err) {
		return nil, r.missingImage(stepImage, name, err)
	}
	if err != nil {
		return nil, failed(stepImage, err)
	}
	return facts, nil
}

func (r *Runtime) isOwnImage(name string) bool {
	for _, own := range r.options.Images {
		if name == own {
			return true
		}
	}
	return false
}

func (r *Runtime) missingImage(step, name string, err error) error {
	advice := "pull or build it there"
	if r.isOwnImage(name) {
		advice = "run `make images`"
	}
	return failedFor(step, fmt.Sprintf("The Docker engine has no image %s: %s.", reason.Line(name, saidMax), advice), err)
}

// anyImage is one of the languages' images that the engine has.
func (r *Runtime) anyImage(ctx context.Context) (*imageFacts, error) {
	var last error
	for _, language := range runtimes.Languages() {
		name := r.options.Images[language]
		if name == "" {
			continue
		}
		image, err := r.inspectImage(ctx, name)
		if err == nil {
			return image, nil
		}
		last = err
	}
	return nil, fmt.Errorf("no image: %w", last)
}
