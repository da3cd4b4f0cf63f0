package runtimes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// told is a registry of one runtime that finds what a test says, and its log.
type told struct {
	stub
	found Availability
	log   bytes.Buffer
}

func (r *told) Probe(context.Context) Availability { return r.found }

// probe probes once and returns the lines that were logged.
func (r *told) probe(t *testing.T, registry *Registry, found Availability) []map[string]any {
	t.Helper()
	r.found = found
	r.log.Reset()
	registry.Probe(t.Context())
	var lines []map[string]any
	for line := range strings.Lines(r.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fields)
	}
	return lines
}

func newTold() (*told, *Registry) {
	r := &told{stub: stub{kind: Native}}
	registry := NewRegistry(r)
	registry.LogTo(slog.New(slog.NewJSONHandler(&r.log, nil)))
	return r, registry
}

func hasFields(line map[string]any, want map[string]any) bool {
	for name, value := range want {
		if line[name] != value {
			return false
		}
	}
	return true
}

func TestARuntimeThatIsNotAvailableIsLoggedOnceWithStepAndCause(t *testing.T) {
	r, registry := newTold()
	lost := func(pid string) Availability {
		return Unavailable(Problem{
			Step: "read limits", Reason: "the box lacks seccomp: build the kernel with it",
			Err: errors.New("process " + pid + " lacks seccomp\nthe guest said: oh"),
		})
	}
	lines := r.probe(t, registry, lost("17"))
	if len(lines) != 1 || !hasFields(lines[0], map[string]any{
		"level": "WARN", "msg": "runtime not available", "runtime": "Native", "step": "read limits",
		"reason": "the box lacks seccomp: build the kernel with it", "error": "process 17 lacks seccomp\nthe guest said: oh",
	}) {
		t.Errorf("logged %v", lines)
	}
	if lines := r.probe(t, registry, lost("18")); len(lines) != 0 {
		t.Errorf("nothing changed, and %v is logged", lines)
	}
	if lines := r.probe(t, registry, Unavailable(Problem{Step: "read limits", Reason: "another: try", Err: errors.New("x")})); len(lines) != 1 {
		t.Errorf("for another reason %v is logged", lines)
	}
	works := Availability{Available: true, Version: "2", Languages: []Language{Python}, Isolation: Isolation{Score: 8}}
	if lines := r.probe(t, registry, works); len(lines) != 1 || !hasFields(lines[0], map[string]any{
		"level": "INFO", "msg": "runtime available", "runtime": "Native", "languages": "python",
	}) {
		t.Errorf("available again: %v", lines)
	}
	if lines := r.probe(t, registry, works); len(lines) != 0 {
		t.Errorf("still available: %v", lines)
	}
	if lines := r.probe(t, registry, lost("19")); len(lines) != 1 {
		t.Errorf("gone again: %v", lines)
	}
}

func TestWhatAProgramSaysDifferentlyEachTimeIsNoNews(t *testing.T) {
	r, registry := newTold()
	says := func(said string) Availability {
		return Unavailable(Problem{Step: "x", Reason: "it said " + said + ": try again", Err: errors.New(said)})
	}
	if lines := r.probe(t, registry, says("12:01:02 pid=77 at 0x7fae oops")); len(lines) != 1 {
		t.Errorf("logged %v", lines)
	}
	if lines := r.probe(t, registry, says("12:01:33 pid=91 at 0x7fb0 oops")); len(lines) != 0 {
		t.Errorf("logged %v", lines)
	}
}

func TestALanguageThatDoesNotWorkIsLoggedBesideThoseThatDo(t *testing.T) {
	r, registry := newTold()
	found := Availability{Available: true, Languages: []Language{JavaScript}, Problems: []Problem{
		{Languages: []Language{Python}, Step: "find tools", Reason: "python3 cannot be used: install it", Err: errors.New("no json")},
		{Languages: []Language{Go}, Absent: true, Step: "find tools", Reason: "go is not on PATH: install it", Err: errors.New("none")},
	}}
	lines := r.probe(t, registry, found)
	if len(lines) != 3 || !hasFields(lines[1], map[string]any{
		"level": "WARN", "msg": "language not available", "languages": "python", "step": "find tools", "error": "no json",
	}) || !hasFields(lines[2], map[string]any{"level": "INFO", "languages": "go"}) {
		t.Errorf("logged %v", lines)
	}
	if lines := r.probe(t, registry, found); len(lines) != 0 {
		t.Errorf("again: %v", lines)
	}
	if got := found.WhyNot(Python); got != "python3 cannot be used: install it" {
		t.Errorf("python is not served: %q", got)
	}
	if got := found.WhyNot(CSharp); !strings.Contains(got, "csharp") {
		t.Errorf("csharp is not served: %q", got)
	}
}

func TestALanguageOfARuntimeThatIsNotThereHasTheReasonOfTheRuntime(t *testing.T) {
	a := Unavailable(Problem{Step: "s", Reason: "the engine is down: start it", Err: errors.New("x")},
		Problem{Languages: []Language{Go}, Step: "s", Reason: "go: install it", Err: errors.New("x")})
	if a.WhyNot(Python) != "the engine is down: start it" || a.WhyNot(Go) != "go: install it" {
		t.Errorf("%q, %q", a.WhyNot(Python), a.WhyNot(Go))
	}
}

func TestAProbeThatDoesNotEndInTimeIsLogged(t *testing.T) {
	r, registry := newTold()
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	registry.Probe(ctx)
	if log := r.log.String(); !strings.Contains(log, "not probed in time") || !strings.Contains(log, "Native") {
		t.Errorf("logged %q", log)
	}
	r.log.Reset()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	registry.Probe(stopped)
	if r.log.Len() != 0 {
		t.Errorf("a server that stops logs %q", r.log.String())
	}
}

func TestAProblemKeepsWhatIsKnownOfIt(t *testing.T) {
	cause := errors.New("cause")
	explain := func(error) string { return "explained" }
	made := &EnvironmentError{Runtime: Bun, Step: "start", Reason: "why", Err: cause}
	for name, c := range map[string]struct {
		err  error
		want Problem
	}{
		"an environment that failed": {made, Problem{Step: "start", Reason: "why", Err: cause}},
		"one with more":              {errors.Join(made, cause), Problem{Step: "start", Reason: "why"}},
		"a problem":                  {&Problem{Step: "find", Reason: "r", Err: cause}, Problem{Step: "find", Reason: "r", Err: cause}},
		"anything else":              {cause, Problem{Step: "step", Reason: "explained", Err: cause}},
	} {
		got := ProblemOf(c.err, "step", explain, Python)
		if got.Step != c.want.Step || got.Reason != c.want.Reason || got.Err == nil || c.want.Err != nil && got.Err != c.want.Err ||
			len(got.Languages) != 1 || !errors.Is(&got, cause) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	list := AddProblem(nil, Problem{Languages: []Language{Python}, Step: "a", Reason: "r"})
	list = AddProblem(list, Problem{Languages: []Language{Go}, Step: "a", Reason: "r"})
	list = AddProblem(list, Problem{Languages: []Language{Go}, Step: "b", Reason: "r"})
	if len(list) != 2 || len(list[0].Languages) != 2 {
		t.Errorf("merged to %+v", list)
	}
}
