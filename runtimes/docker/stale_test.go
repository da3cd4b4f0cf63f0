package docker

import (
	"maps"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestAContainerOfAnotherImageIsStale(t *testing.T) {
	requireEngine(t, runtimes.Python, runtimes.JavaScript)
	r := newRealRuntime(t, nil)
	env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python})
	if r.Stale(t.Context(), env) {
		t.Error("stale without a change")
	}
	// As if the name had been given to another image.
	r.options.Images = maps.Clone(r.options.Images)
	r.options.Images[runtimes.Python] = r.options.Images[runtimes.JavaScript]
	if !r.Stale(t.Context(), env) {
		t.Error("another image is not noticed")
	}
}
