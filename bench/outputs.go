package main

import (
	"errors"
	"fmt"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/report"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// finish writes the reports of a run, also of one that ended early, and says
// with what the program ends. ended is why it did not end well.
func (a *app) finish(run *result.Run, c *common, ended error) error {
	if ended != nil {
		run.Aborted = ended.Error()
	}
	run.Summarise()
	errs := []error{ended}
	if len(run.Series) > 0 || run.Load != nil || ended == nil {
		if !c.quiet {
			errs = append(errs, report.Text(a.stdout, run))
		}
		errs = append(errs, a.writeFiles(run, c)...)
	}
	if failed, wrong := run.Failed(); failed > 0 {
		errs = append(errs, fmt.Errorf("%d operations failed, %d of them with a wrong output: the report names them", failed, wrong))
	}
	if c.compare != "" && ended == nil {
		old, err := result.ReadFile(c.compare)
		if err == nil {
			err = a.printComparison(old, run, c.tolerance)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (a *app) writeFiles(run *result.Run, c *common) (errs []error) {
	for _, path := range c.outputs {
		if err := report.WriteFile(path, run); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintln(a.stderr, "wrote", path)
	}
	return errs
}

// checkOld reads the older report before the minutes of a run are spent.
func checkOld(c *common) error {
	if c.compare == "" {
		return nil
	}
	_, err := result.ReadFile(c.compare)
	return err
}

// compareFiles compares two reports without a run.
func (a *app) compareFiles(c *common, path string) error {
	old, err := result.ReadFile(c.compare)
	if err != nil {
		return err
	}
	now, err := result.ReadFile(path)
	if err != nil {
		return err
	}
	return a.printComparison(old, now, c.tolerance)
}

// printComparison prints what has changed; its error is errRegression.
func (a *app) printComparison(old, now *result.Run, tolerance float64) error {
	compared, err := result.CompareRuns(old, now, tolerance/100)
	if err != nil {
		return err
	}
	if err := report.Comparison(a.stdout, compared); err != nil {
		return err
	}
	if n := len(compared.Regressions()); n > 0 {
		return fmt.Errorf("%w: %d rows are significantly more than %g %% slower, or missing", errRegression, n, tolerance)
	}
	return nil
}

type runtimeInfo = protocol.Runtime

// method says how it was measured.
func method(f *measureFlags, o measure.Outcome, inProcess bool) []string {
	e := f.effort()
	where := "The client spoke to the server over one WebSocket."
	if inProcess {
		where = "The server ran in the benchmark's own process; the client spoke to it over one WebSocket on loopback."
	}
	lines := []string{
		where,
		fmt.Sprintf("The first %d repetitions (%d of what makes environments or starts languages) warmed up and were discarded.", e.CheapWarmup, e.DearWarmup),
		fmt.Sprintf("The rest was divided over %d rounds; in each round the scenarios ran in a new order, shuffled by the seed %d, so that noise hits all alike.", o.Of, f.seed),
		"What programs print, contents that are read and listings were compared with what they should be each time. Of a write and a copy the content was read back, and of a deletion the directory was listed, in the first repetition of each round; creating and closing are verified by their replies.",
		"An operation that failed or gave a wrong output is counted and gave no sample.",
		"Percentiles are by nearest rank, so each is a time that was measured; one is given only from enough samples: p90 from 10, p95 from 20, p99 from 100.",
		"The interval holds the true median with 95 % confidence; it comes from the order of the samples and supposes no distribution.",
		"One thing ran at a time: these are times of an idle server, not of one under load (`bench load` is for that).",
	}
	if o.Rounds < o.Of {
		lines = append(lines, fmt.Sprintf("The budget of %v ended the run after %d of %d rounds, the same part of every scenario.", f.budget, o.Rounds, o.Of))
	}
	return lines
}

// published are the figures of the project that inspired this one. They were
// not measured here.
func published(f *measureFlags) []result.Published {
	const source = "README of CodeBeaker 1.2.0"
	all := []result.Published{
		{Scenario: workload.Create, Figure: "562.3 ms", Source: source, Measured: "creation of a Docker container, on another machine; no sample count or spread is given"},
		{Scenario: workload.Execute, Figure: "1.2 ms", Source: source, Measured: "called code execution; what was timed is an exception: no program ran"},
		{Scenario: workload.Write, Figure: "145.8 ms", Source: source, Measured: "called file operations, in a Docker container; size and operation are not given"},
		{Scenario: workload.Selector, Figure: "43–66 µs", Source: source, Measured: "one selection of a runtime, in process"},
	}
	var wanted []result.Published
	for _, p := range all {
		if f.wanted(p.Scenario) {
			wanted = append(wanted, p)
		}
	}
	return wanted
}
