package runtimetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var assignCases = []testCase{
	{"VariablesComeWithTheSession", variablesComeLate},
	{"LimitsCanBeLowered", limitsLowered},
	{"LimitsCanBeRaisedOrNot", limitsRaised},
	{"WhatCannotBeSetIsSaid", cannotBeSet},
}

// unassigned makes an environment that is no session's yet.
func (s *suite) unassigned(t *testing.T, edit ...func(*runtimes.Spec)) runtimes.Environment {
	t.Helper()
	spec := s.spec()
	spec.Limits.OutputBytes = 4 << 20
	for _, f := range edit {
		f(&spec)
	}
	env, err := s.rt.Create(t.Context(), spec)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	t.Cleanup(func() { s.remove(t, env, spec.Name) })
	return env
}

func variablesComeLate(t *testing.T, s *suite) {
	env := s.unassigned(t)
	if got := s.succeeds(t, env, s.programs.Environment()); strings.Contains(got, "LATE=") {
		t.Errorf("before: %q", got)
	}
	if err := env.Assign(t.Context(), runtimes.Assignment{Session: "late", Env: []string{"LATE=a=b c", "TERM=mine"}}); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(s.succeeds(t, env, s.programs.Environment()), "\n")
	for _, want := range []string{"LATE=a=b c", "TERM=mine"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	for _, line := range got {
		if strings.HasPrefix(line, "TERM=") && line != "TERM=mine" {
			t.Errorf("a variable is there twice: %q", line)
		}
	}
	cmd := s.programs.Environment()
	cmd.Env = []string{"LATE=of the command"}
	if got := s.succeeds(t, env, cmd); !strings.Contains(got, "LATE=of the command\n") {
		t.Errorf("of the command: %q", got)
	}
}

// assigns gives an environment other limits and reports whether it takes them.
// One that does not is as it was.
func assigns(t *testing.T, env runtimes.Environment, limits runtimes.Limits) bool {
	t.Helper()
	was := env.Limits()
	err := env.Assign(t.Context(), runtimes.Assignment{Session: "late", Limits: limits})
	if err == nil {
		return true
	}
	if !errors.Is(err, runtimes.ErrCannotAssign) {
		t.Fatal(err)
	}
	if now := env.Limits(); now != was {
		t.Errorf("refused, and its limits were %+v and are %+v", was, now)
	}
	t.Log(err)
	return false
}

func limitsLowered(t *testing.T, s *suite) {
	env := s.unassigned(t)
	was := env.Limits()
	ask := runtimes.Limits{OutputBytes: was.OutputBytes / 2}
	if reserved := was.ProcessMemoryBytes > s.spec().Limits.MemoryBytes; memoryOf(was) != 0 && !reserved {
		ask.MemoryBytes = memoryOf(was) / 2
	}
	if was.Processes != 0 {
		ask.Processes = was.Processes / 2
	}
	if was.CPUs != 0 {
		ask.CPUs = was.CPUs / 2
	}
	if !assigns(t, env, ask) {
		t.Fatal("no runtime refuses lower limits of what it limits")
	}
	now := env.Limits()
	if ask.MemoryBytes != 0 && memoryOf(now) != ask.MemoryBytes || now.Processes != ask.Processes || now.OutputBytes != ask.OutputBytes || now.CPUs != ask.CPUs {
		t.Errorf("asked for %+v, in force are %+v", ask, now)
	}
	if now.OpenFiles != was.OpenFiles || now.DiskBytes != was.DiskBytes {
		t.Errorf("other limits were %+v and are %+v", was, now)
	}
	if ask.MemoryBytes != 0 {
		overMemory(t, env, s.run(t, env, s.hog(t, memoryOf(was)*3/4)))
		s.succeeds(t, env, s.hog(t, memoryOf(now)/8))
	}
	if _, inexact := s.harness.Lacks[ExactProcesses]; now.Processes != 0 && !inexact {
		const forks = `i=0; while [ $i -lt "$1" ]; do sleep 1000 & i=$((i+1)); done; echo all`
		did := s.run(t, env, s.shell(t, forks, "40"))
		if strings.Contains(did.stdout, "all") {
			t.Errorf("40 processes under a limit of %d", now.Processes)
		}
	}
	if did := s.run(t, env, s.programs.Spill(int(now.OutputBytes)+1, 0)); did.Status != runtimes.OutputLimitExceeded {
		t.Errorf("of %d bytes: %s", now.OutputBytes+1, did)
	}
}

func limitsRaised(t *testing.T, s *suite) {
	env := s.unassigned(t)
	was := env.Limits()
	ask := runtimes.Limits{MemoryBytes: 2 * was.MemoryBytes, Processes: 2 * was.Processes, DiskBytes: 2 * was.DiskBytes}
	if !assigns(t, env, ask) {
		s.succeeds(t, env, s.programs.Print("as it was", ""))
		return
	}
	if now := env.Limits(); now.MemoryBytes != ask.MemoryBytes || now.Processes != ask.Processes || now.DiskBytes != ask.DiskBytes {
		t.Errorf("asked for %+v, in force are %+v", ask, now)
	}
	if was.MemoryBytes != 0 {
		s.succeeds(t, env, s.hog(t, was.MemoryBytes+was.MemoryBytes/4))
	}
}

// A hard limit of open files cannot be raised by anyone.
func cannotBeSet(t *testing.T, s *suite) {
	env := s.unassigned(t)
	limit := env.Limits().OpenFiles
	enforced(t, "open files", limit)
	if assigns(t, env, runtimes.Limits{OpenFiles: 2 * limit}) {
		t.Errorf("%d open files became %d", limit, env.Limits().OpenFiles)
	}
	if err := env.Assign(t.Context(), runtimes.Assignment{Session: "late", Env: ofTheSession}); err != nil {
		t.Errorf("and cannot be given to anyone: %v", err)
	}
	if got := s.succeeds(t, env, s.programs.Environment()); !strings.Contains(got, ofTheSession[0]) {
		t.Errorf("%q", got)
	}
}
