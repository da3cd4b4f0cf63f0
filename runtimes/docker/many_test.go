package docker

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// On the real engine: creates at once, half of which are
// given up at some moment. What is left is looked for by newRealRuntime.
func TestManyCreatesOfWhichSomeAreGivenUpLeaveNothing(t *testing.T) {
	requireEngine(t, runtimes.Python)
	r := newRealRuntime(t, nil)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%2 == 1 {
				time.AfterFunc(time.Duration(i)*40*time.Millisecond, cancel)
			}
			env, err := r.create(ctx, runtimes.Spec{Name: trialSession(), Language: runtimes.Python, Limits: trialLimits})
			switch {
			case err == nil:
				if _, output := execute(t, env, "echo", "ready"); output != "ready\n" {
					t.Errorf("echo prints %q", output)
				}
				closeTrial(t.Context(), env)
			case !errors.Is(err, context.Canceled):
				t.Error(err)
			}
		})
	}
	group.Wait()
	eventually(t, "no container is left", func() bool {
		left, err := r.engine.listContainers(t.Context(), r.ours())
		return err == nil && len(left) == 0
	})
}

func TestProbeOfTheRealEngineTellsLanguagesToolsAndLayers(t *testing.T) {
	requireEngine(t, runtimes.Languages()...)
	r := newRealRuntime(t, nil)
	found := r.Probe(t.Context())
	if !found.Available || !found.Processes || len(found.Languages) != 5 || found.Version == "" {
		t.Fatalf("the probe says %+v", found)
	}
	for _, tool := range []string{"node", "tsx", "python3", "go"} {
		if found.Tools[tool] == "" {
			t.Errorf("the version of %s is not told: %v", tool, found.Tools)
		}
	}
	if found.Tools["mono"] == "" && found.Tools["dotnet"] == "" {
		t.Errorf("no toolchain of C#: %v", found.Tools)
	}
	if found.Isolation.Score < 7 {
		t.Errorf("the isolation is %+v", found.Isolation)
	}
	began := time.Now()
	r.Probe(t.Context())
	if took := time.Since(began); took > time.Second {
		t.Errorf("the second probe took %v: it is to make no container", took)
	}
	t.Logf("%+v", found)
}
