package main

import (
	"errors"
	"fmt"

	"github.com/codebeaker/codebeaker/bench/internal/compare"
	"github.com/codebeaker/codebeaker/bench/internal/report"
	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// finish writes the reports of a run, also of one that ended early, and says
// with what the program ends. ended is why it did not end well.
func (a *app) finish(run *result.Run, c *common, ended error) error {
	if ended != nil {
		run.Aborted = ended.Error()
	}
	run.Settle()
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
	compared, err := compare.Runs(old, now, tolerance/100)
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
