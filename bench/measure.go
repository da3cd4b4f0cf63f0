package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/baseline"
	"github.com/codebeaker/codebeaker/bench/internal/local"
	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
	"github.com/codebeaker/codebeaker/runtimes/host"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// measure measures the runtimes, or compares two reports.
func (a *app) measure(ctx context.Context, args []string) error {
	f, err := parseMeasure(a, args)
	if err != nil {
		return err
	}
	if len(f.files) > 0 {
		return a.compareFiles(&f.common, f.files[0])
	}
	if err := checkOld(&f.common); err != nil {
		return err
	}
	bar := measure.NewBar(a.stderr)
	run := &result.Run{
		Schema: result.Schema, Kind: result.Measure, Command: append([]string{"bench"}, args...),
		Started: time.Now().UTC(), Seed: f.seed, Quick: f.quick, Host: a.facts(ctx),
	}
	measured := a.measureInto(ctx, run, f, bar)
	run.Seconds = time.Since(run.Started).Seconds()
	return a.finish(run, &f.common, measured)
}

// measureInto fills the document; on an error it has what was measured.
func (a *app) measureInto(ctx context.Context, run *result.Run, f *measureFlags, bar *measure.Bar) (err error) {
	o := a.local
	o.AwaitCaches = !f.quick
	if o.Names == nil && len(f.runtimes) > 0 {
		o.Names = lower(f.runtimes)
	}
	p, err := a.open(ctx, &f.common, o, bar)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	run.Server = p.describe()
	if err := p.target.Only(f.runtimes); err != nil {
		return err
	}
	run.Runtimes = p.target.Runtimes
	if p.server != nil && p.server.Filling {
		run.Notes = append(run.Notes, "Go's standard library was compiled for the cache of Native sessions while this ran, which took time from all others: run it again.")
	}
	p.sweep(ctx, bar)
	files, err := local.MkdirTemp(local.Files)
	if err != nil {
		return err
	}
	defer os.RemoveAll(files)
	tasks, series, err := p.tasks(f, files, run)
	if err != nil {
		return err
	}
	pooled, absent, err := a.pools(ctx, p, f, o, bar)
	if err != nil {
		return err
	}
	for _, t := range pooled {
		series = append(series, t.Series...)
	}
	tasks, series = append(tasks, pooled...), append(series, absent...)
	run.Series = sorted(series)
	runner := measure.Runner{Tasks: tasks, Seed: f.seed, Budget: f.left(time.Since(run.Started)), Timeout: 30 * time.Second, Fatal: gone, Progress: bar}
	if f.quick {
		runner.Rounds = 3
	}
	outcome, err := runner.Run(ctx)
	run.Method = method(f, outcome, run.Server.InProcess)
	return errors.Join(err, missing(p.target, f.runtimes))
}

// sweep removes what the baselines of killed runs left.
func (p *place) sweep(ctx context.Context, bar *measure.Bar) {
	local.SweepFiles()
	if !serves(p.target, "Docker") {
		return
	}
	if _, err := exec.LookPath("docker"); err != nil {
		return
	}
	if err := local.SweepContainers(ctx); err != nil {
		bar.Note("%v", err)
	}
}

// tasks are all that is to be measured, with their series.
func (p *place) tasks(f *measureFlags, files string, run *result.Run) (tasks []*measure.Task, series []*result.Series, err error) {
	add := func(more []*measure.Task, absent []*result.Series) {
		for _, t := range more {
			series = append(series, t.Series...)
		}
		tasks, series = append(tasks, more...), append(series, absent...)
	}
	if len(f.peers) > 0 {
		run.Kind = result.Peer
		tasks, absent, err := p.peerTasks(f, files)
		add(tasks, absent)
		return tasks, series, err
	}
	add(workload.Tasks(p.target, workload.Options{Effort: f.effort(), Wanted: f.wanted, LeaveOut: p.leaveOut(f)}))
	if f.wanted(workload.Selector) {
		add(p.selectorTasks(f.effort()), nil)
	}
	add(baseline.Tasks(baseline.Options{
		Effort: f.effort(), Wanted: f.wanted, Quick: f.quick, Languages: languages(p.target), Dir: files, ToolsDir: host.FindTools(),
		Docker: serves(p.target, "Docker"),
	}))
	run.Published = published(f)
	return tasks, series, nil
}

// leaveOut says which languages a quick run has no time for, and which a server
// in process is not ready for.
func (p *place) leaveOut(f *measureFlags) func(runtime, language string) string {
	return func(runtime, language string) string {
		switch {
		case f.quick && workload.Compiles(language):
			return "-quick has no time for a language that compiles"
		case p.server != nil && p.server.Filling && runtime == "Native" && language == "go":
			return "the standard library was still being compiled for the cache; run it again"
		}
		return ""
	}
}

// gone reports whether the server is, or is about to be: nothing more can be
// measured then.
func gone(err error) bool {
	return errors.Is(err, client.ErrClosed) || client.IsCode(err, protocol.ShuttingDown)
}

// missing is an error when a runtime that must be here is not: one that was
// named, or that CODEBEAKER_REQUIRE lists.
func missing(t *workload.Target, named []string) error {
	var errs []error
	for _, name := range append(strings.Split(os.Getenv("CODEBEAKER_REQUIRE"), ","), named...) {
		for _, r := range t.Runtimes {
			if strings.EqualFold(r.RuntimeType, strings.TrimSpace(name)) && !r.Available {
				errs = append(errs, fmt.Errorf("%s is required and not available: %s", r.RuntimeType, r.Reason))
			}
		}
	}
	return errors.Join(errs...)
}

// serves reports whether a runtime is available.
func serves(t *workload.Target, name string) bool {
	return slices.ContainsFunc(t.Runtimes, func(r runtimeInfo) bool { return r.RuntimeType == name && r.Available })
}

// languages are those that some available runtime serves, in the order of the
// first that serves them.
func languages(t *workload.Target) (found []string) {
	for _, r := range t.Runtimes {
		for _, language := range r.Languages {
			if r.Available && !slices.Contains(found, language) {
				found = append(found, language)
			}
		}
	}
	return found
}

// sorted puts the series in the order of the scenarios, the product before what
// stands beside it.
func sorted(series []*result.Series) []*result.Series {
	names, variants := scenarioNames(), []string{}
	for _, s := range series {
		if !slices.Contains(variants, s.Variant) {
			variants = append(variants, s.Variant)
		}
	}
	rank := func(s *result.Series) int {
		beside := 0
		if s.Baseline != "" {
			beside = 1
		}
		return (slices.Index(names, s.Scenario)*len(variants)+slices.Index(variants, s.Variant))*2 + beside
	}
	slices.SortStableFunc(series, func(a, b *result.Series) int { return rank(a) - rank(b) })
	return series
}

func lower(names []string) (out []string) {
	for _, name := range names {
		out = append(out, strings.ToLower(name))
	}
	return out
}
