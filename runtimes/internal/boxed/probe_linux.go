package boxed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// probeLimits are small, and enough for any of the tools.
var probeLimits = runtimes.Limits{
	MemoryBytes: 1 << 30, CPUs: 1, Processes: 128, DiskBytes: 64 << 20, OpenFiles: 1024, OutputBytes: 1 << 20,
}

// Probe makes a box for each language of the kit and runs a program in it. What
// isolates the box is what is reported.
func (r *Runtime) Probe(ctx context.Context) runtimes.Availability {
	mark := r.fingerprint(&Host{Options: &r.options})
	r.forgetBroken()
	a, retry := r.probe(ctx)
	if ctx.Err() == nil { // else it says nothing, and is worth repeating at once
		r.last.set(mark, retry)
	}
	return a
}

// probe also tells after what time it is worth repeating though the tools stay
// the same, never if that is zero.
func (r *Runtime) probe(ctx context.Context) (runtimes.Availability, time.Duration) {
	found, err := r.find(ctx)
	if err != nil {
		return runtimes.Unavailable(problemOf(err)), retryInterval
	}
	a := runtimes.Availability{Version: found.kit.Version, Tools: found.kit.Tools, Processes: true}
	for i := range found.kit.Languages {
		language := &found.kit.Languages[i]
		e, err := r.prove(ctx, found, language)
		if err != nil {
			a.Problems = runtimes.AddProblem(a.Problems, problemOf(err, language.Language))
			continue
		}
		a.Isolation, a.Terminal = e.isolation, e.terminal
		a.Languages = append(a.Languages, language.Language)
	}
	failed := len(a.Problems) > 0
	for _, p := range found.kit.Problems {
		a.Problems = runtimes.AddProblem(a.Problems, p)
	}
	switch {
	case len(a.Languages) == 0:
		nothing := runtimes.Unavailable(a.Problems...)
		nothing.Version, nothing.Tools = a.Version, a.Tools
		return nothing, retryInterval
	case failed:
		a.Available = true
		return a, retryInterval
	case found.broken():
		a.Available = true
		return a, brokenInterval
	}
	a.Available = true
	return a, 0
}

// problemOf makes a problem of what find or prove returned.
func problemOf(err error, languages ...runtimes.Language) runtimes.Problem {
	return runtimes.ProblemOf(err, stepTools, func(err error) string {
		return "its tools could not be looked at (" + reason.Cause(err) + "): " + reason.Again
	}, languages...)
}

// prove makes a box for a language, runs its check and removes the box. It
// returns what the environment was.
func (r *Runtime) prove(ctx context.Context, found *found, language *Language) (*Environment, error) {
	e, err := r.make(ctx, found, language, runtimes.Spec{
		Name: "probe-" + strings.ToLower(ulid.Make().String()), Language: language.Language, Limits: probeLimits,
	})
	if err != nil {
		return nil, err
	}
	err = r.check(ctx, e, &found.kit, language)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := errors.Join(e.Close(closing), e.workspace.Close()); err != nil {
		r.options.logger().Warn("the box of a probe could not be removed", "error", err)
	}
	return e, err
}

// checkTimeout bounds the program that proves a language.
const checkTimeout = 20 * time.Second

// The steps of proving a language.
const (
	stepFile  = "write a file into the workspace"
	stepCheck = "run a program in the box"
)

// check runs the program that proves the language in an environment made for
// it. An error is a *runtimes.Problem, which says what the program did instead.
func (r *Runtime) check(ctx context.Context, e *Environment, kit *Kit, language *Language) error {
	c := language.Check
	if c.Run == nil {
		cold := c.Cold
		c = hello(language.Language, r.flavor.Type)
		c.Cold = cold
	}
	if _, err := e.workspace.WriteFile(ctx, runtimes.WriteFile{Path: c.Name, Content: []byte(c.Text)}); err != nil {
		return &runtimes.Problem{Step: stepFile, Reason: reason.Workspace(err), Err: err}
	}
	run, want := c.Run, c.Want
	if c.Cold != nil && language.Warm != nil && !language.Warm.ready() {
		run, want = c.Cold, ""
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	sink := &checkSink{exited: make(chan runtimes.Exit, 1)}
	process, err := e.Start(ctx, runtimes.Command{Name: run[0], Args: run[1:]}, sink)
	if err != nil {
		return &runtimes.Problem{
			Step: stepCheck, Err: err,
			Reason: "the box ended before a program was run in it (" + reason.Cause(err) + "): " + reason.Again,
		}
	}
	var exit runtimes.Exit
	select {
	case exit = <-sink.exited:
	case <-ctx.Done():
		process.Stop(runtimes.TimeLimitExceeded)
		exit = <-sink.exited
	}
	if exit.Status == runtimes.Completed && strings.HasPrefix(sink.stdout.String(), want) {
		return nil
	}
	tool := Tool{Name: run[0], Get: "see whether it works outside, and install it anew where it does not"}
	return tool.failed(kit.path(run[0]), run, exit, sink)
}

// failed is the Problem of a tool that does not work in a box.
func (t *Tool) failed(path string, run []string, exit runtimes.Exit, sink *checkSink) *runtimes.Problem {
	return &runtimes.Problem{
		Step:   stepCheck,
		Reason: t.unusable(path, "in a box "+reason.Exit(exit, sink.stderr.String()), t.Get),
		Err: fmt.Errorf("%s: %v%s %s: it wrote %.300q and the errors %.2000q", strings.Join(run, " "), exit.Status,
			codeOf(exit), exit.Message, sink.stdout.String(), sink.stderr.String()),
	}
}

func codeOf(exit runtimes.Exit) string {
	if exit.Code != nil {
		return fmt.Sprintf(" %d", *exit.Code)
	}
	return exit.Signal
}

// path is where a program of the kit lies on the host, "" when it is not known.
func (k *Kit) path(name string) string {
	for _, program := range k.Programs {
		if program.Name == name {
			return program.Path
		}
	}
	return ""
}

// checkSink keeps the outputs of a program that writes little. A program that
// fills its window waits until the time is up.
type checkSink struct {
	stdout, stderr strings.Builder
	exited         chan runtimes.Exit
}

func (s *checkSink) Output(stream runtimes.Stream, p []byte) {
	if stream == runtimes.Stdout {
		s.stdout.Write(p)
	} else {
		s.stderr.Write(p)
	}
}

func (s *checkSink) Started() {}

func (s *checkSink) InputReady() {}

func (s *checkSink) Exited(exit runtimes.Exit) { s.exited <- exit }
