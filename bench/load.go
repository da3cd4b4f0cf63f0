package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/load"
	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/report"
	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// loadFlags are those of `bench load`.
type loadFlags struct {
	common
	scenario load.Scenario
	runtime  string
}

func parseLoad(a *app, args []string) (*loadFlags, error) {
	f, typed := &loadFlags{scenario: load.Default()}, load.Default()
	flags := newFlags(a, "bench-load", "Drives load: an open model (calls arrive at a rate) or a closed one (workers call in a loop).\n"+
		"`-runtime fake` or a server with `--runtimes fake` has sessions that cost nothing but the server itself.")
	f.declare(flags)
	file := flags.String("scenario", "", "`file` of a scenario, YAML or JSON; the flags below change it")
	flags.StringVar(&f.runtime, "runtime", "", "`runtime` of the sessions; fake is only for a server in process")
	flags.StringVar(&typed.Language, "language", typed.Language, "`language` of the sessions")
	flags.IntVar(&typed.Connections, "connections", typed.Connections, "connections that make calls")
	flags.IntVar(&typed.Sessions, "sessions", typed.Sessions, "sessions of each connection")
	flags.IntVar(&typed.Idle, "idle", typed.Idle, "connections that are only held open")
	flags.StringVar(&typed.Model, "model", typed.Model, "open or closed")
	flags.Float64Var(&typed.Rate, "rate", typed.Rate, "calls a second, in the open model")
	flags.IntVar(&typed.Workers, "workers", typed.Workers, "workers, in the closed model")
	flags.BoolVar(&typed.Poisson, "poisson", false, "let calls arrive independently of each other instead of evenly spaced")
	duration := flags.Duration("duration", time.Duration(typed.Duration), "how long; set-up is not counted")
	if err := flags.Parse(args[1:]); err != nil {
		return nil, usage(err)
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%w: what is %q? (bench load -h)", errUsage, flags.Arg(0))
	}
	typed.Duration = load.Duration(*duration)
	if *file != "" {
		var err error
		if f.scenario, err = load.ReadFile(*file); err != nil {
			return nil, fmt.Errorf("%w: -scenario: %w", errUsage, err)
		}
	}
	if f.runtime != "" && !strings.EqualFold(f.runtime, "fake") {
		f.scenario.RuntimeType = f.runtime
	}
	flags.Visit(func(given *flag.Flag) { replace(&f.scenario, &typed, given.Name) })
	if err := f.scenario.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.compare != "" {
		return nil, fmt.Errorf("%w: -compare is for reports with samples; give two load reports to benchstat (-o report.txt)", errUsage)
	}
	return f, f.check()
}

// replace takes a value that was typed into the scenario.
func replace(s, typed *load.Scenario, name string) {
	switch name {
	case "language":
		s.Language = typed.Language
	case "connections":
		s.Connections = typed.Connections
	case "sessions":
		s.Sessions = typed.Sessions
	case "idle":
		s.Idle = typed.Idle
	case "model":
		s.Model = typed.Model
	case "rate":
		s.Rate, s.Stages = typed.Rate, nil
	case "workers":
		s.Workers, s.Stages = typed.Workers, nil
	case "poisson":
		s.Poisson = typed.Poisson
	case "duration":
		s.Duration, s.Stages = typed.Duration, nil
	}
}

// load runs a load test.
func (a *app) load(ctx context.Context, args []string) error {
	f, err := parseLoad(a, args)
	if err != nil {
		return err
	}
	bar := measure.NewBar(a.stderr)
	run := &result.Run{
		Schema: result.Schema, Kind: result.Load, Command: append([]string{"bench"}, args...),
		Started: time.Now().UTC(), Seed: f.seed, Host: a.facts(ctx),
	}
	ended := a.loadInto(ctx, run, f, bar)
	run.Seconds = time.Since(run.Started).Seconds()
	return a.finish(run, &f.common, ended)
}

func (a *app) loadInto(ctx context.Context, run *result.Run, f *loadFlags, bar *measure.Bar) (err error) {
	o := a.local
	if o.Names == nil && f.runtime != "" {
		o.Names = []string{strings.ToLower(f.runtime)}
	}
	p, err := a.open(ctx, &f.common, o, bar)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	run.Server, run.Runtimes = p.describe(), p.target.Runtimes
	run.Method = []string{
		"Latencies are in HDR histograms of three digits; failed calls are counted by code and have none.",
		"Every output that the scenario names was compared with what it should be.",
		"A percentile is given only from enough samples: p90 from 10, p95 from 20, p99 from 100, p99.9 from 1000.",
	}
	if run.Server.InProcess {
		run.Notes = append(run.Notes, "The server ran in the process that made the load: its memory holds both, and both share the processors. For figures of the server alone start it and use -target.")
	}
	run.Load, err = load.Run(ctx, load.Options{
		Scenario: f.scenario, Seed: f.seed, URL: p.url, Client: p.options, Note: bar.Note, Live: a.live(),
	})
	return err
}

// live returns what shows each second.
func (a *app) live() func(result.Second) {
	lines := 0
	return func(s result.Second) {
		if lines%20 == 0 {
			fmt.Fprintf(a.stderr, "%8s %9s %9s %7s %9s %9s %9s %9s %9s %9s\n", "second", "aimed at", "calls/s", "failed", "in flight", "median", "p90", "p99", "max", "server")
		}
		lines++
		c := report.Second(s)
		fmt.Fprintf(a.stderr, "%8s %9s %9s %7s %9s %9s %9s %9s %9s %9s\n", c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9])
	}
}
