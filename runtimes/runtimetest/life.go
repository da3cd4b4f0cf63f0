package runtimetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var lifeCases = []testCase{
	{"AProbeSaysWhatIsThere", probe},
	{"CreateAndCloseLeaveNothing", createAndClose},
	{"TheWorkspaceOutlivesTheEnvironment", workspaceOutlives},
	{"AClosedEnvironmentStartsNothing", closedStartsNothing},
	{"ACreateWithoutACallerMakesNothing", createWithoutCaller},
	{"ACreateCutShortLeavesNothing", createCutShort},
	{"CloseEndsWhatRuns", closeDuringRun},
}

func probe(t *testing.T, s *suite) {
	found := s.found
	if !found.Processes {
		t.Error("the runtime starts no programs")
	}
	if !found.Serves(s.language) {
		t.Errorf("%v is not served, but %v", s.language, found.Languages)
	}
	for _, l := range found.Languages {
		if !slices.Contains(l.Runtimes(), s.rt.Type()) {
			t.Errorf("%v is served, which %v may not", l, s.rt.Type())
		}
	}
	env := s.environment(t)
	for which, isolation := range map[string]runtimes.Isolation{"probe": found.Isolation, "environment": env.Isolation()} {
		want := runtimes.NewIsolation(isolation.Layers...).Score
		if isolation.Score != want && len(isolation.Layers) > 0 {
			t.Errorf("%s: score %d for layers worth %d", which, isolation.Score, want)
		}
	}
	if env.ID() == "" {
		t.Error("the environment has no id")
	}
	if docker := s.rt.Type() == runtimes.Docker; docker != (env.ContainerID() != "") {
		t.Errorf("container id %q", env.ContainerID())
	}
}

func createAndClose(t *testing.T, s *suite) {
	spec := s.spec()
	env, err := s.rt.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, env.Workspace(), "a/file", "x")
	s.succeeds(t, env, s.programs.WriteFile("/workspace/by a program", "x"))
	s.remove(t, env, spec.Name)
	if err := errors.Join(env.Close(t.Context()), env.Workspace().Close()); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func workspaceOutlives(t *testing.T, s *suite) {
	var session string
	env := s.create(t, func(spec *runtimes.Spec) { session = spec.Name })
	writeFile(t, env.Workspace(), "kept", "content")
	if err := env.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-env.Lost():
		t.Error("a closed environment counts as lost")
	default:
	}
	next := s.create(t, func(spec *runtimes.Spec) { spec.Name, spec.Workspace = session, env.Workspace() })
	if got := readFile(t, next.Workspace(), "kept"); got != "content" {
		t.Errorf("the workspace holds %q in the next environment", got)
	}
	if got := s.succeeds(t, next, s.programs.ReadFile("/workspace/kept")); got != "content" {
		t.Errorf("a program of the next environment reads %q", got)
	}
}

func closedStartsNothing(t *testing.T, s *suite) {
	env := s.create(t, nil)
	if err := env.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := env.Start(t.Context(), s.programs.Print("x", ""), newRecorder(t))
	if !errors.Is(err, runtimes.ErrEnvironmentLost) {
		t.Errorf("start after close: %v", err)
	}
}

func createWithoutCaller(t *testing.T, s *suite) {
	left := errors.New("the caller has left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(left)
	spec := s.spec()
	if _, err := s.rt.Create(ctx, spec); !errors.Is(err, left) {
		t.Errorf("error %v is not the cause of the context", err)
	}
	s.nothingLeft(t, spec.Name)
}

func createCutShort(t *testing.T, s *suite) {
	for _, after := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		spec := s.spec()
		env, err := s.rt.Create(ctx, spec)
		cancel()
		if err == nil {
			s.remove(t, env, spec.Name) // it was faster
			continue
		}
		s.nothingLeft(t, spec.Name)
	}
}

func closeDuringRun(t *testing.T, s *suite) {
	env := s.create(t, nil)
	var running []*recorder
	for range 3 {
		_, r := s.start(t, env, s.programs.Stubborn())
		r.untilText(runtimes.Stdout, "ready")
		running = append(running, r)
	}
	begin := time.Now()
	if err := env.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("close took %v", took)
	}
	for _, r := range running {
		if !r.exited() {
			t.Error("closed before every process was told Exited")
			r.wait()
		}
		if r.exit.Status == runtimes.Completed || r.exit.Code != nil {
			t.Errorf("exit %+v", *r.exit)
		}
	}
}
