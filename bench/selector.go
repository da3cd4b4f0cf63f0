package main

import (
	"context"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
	"github.com/codebeaker/codebeaker/runtimes"
)

// choices are how many selections make one sample: a single one is shorter than
// the clock can tell.
const choices = 10_000

// selectorTasks time the choice of a runtime for JavaScript by each preference:
// as a create looks it up, where the registry is in this process, and as the
// candidates are weighed when something changes.
func (p *place) selectorTasks(e workload.Effort) (tasks []*measure.Task) {
	candidates := candidatesOf(p.target)
	if len(candidates) == 0 {
		return nil
	}
	for n := 0; ; n++ {
		preference, ok := runtimes.PreferenceOf(n)
		if !ok {
			return tasks
		}
		if p.registry != nil {
			tasks = append(tasks, selectorTask(e, preference, "lookup", func() runtimes.Type {
				if chosen := p.registry.Select(runtimes.JavaScript, preference); chosen != nil {
					return chosen.Type()
				}
				return 0
			}))
		}
		tasks = append(tasks, selectorTask(e, preference, "weigh", func() runtimes.Type {
			return candidates[runtimes.Select(candidates, preference)].Type
		}))
	}
}

func selectorTask(e workload.Effort, preference runtimes.Preference, subject string, choose func() runtimes.Type) *measure.Task {
	timed := &result.Series{Scenario: workload.Selector, Variant: preference.String(), Subject: subject}
	first := choose()
	return e.CheapTask(measure.Task{
		Name: "the selector", Series: []*result.Series{timed},
		Once: func(_ context.Context, c *measure.Clock) error {
			var last runtimes.Type
			start := time.Now()
			for range choices {
				last = choose()
			}
			took := time.Since(start)
			if last != first || last == 0 {
				return &measure.WrongOutput{Got: last.String(), Want: first.String()}
			}
			c.Give(timed, took, choices)
			return nil
		},
	})
}

// candidatesOf are the runtimes of a server that serve JavaScript, as it lists
// them.
func candidatesOf(t *workload.Target) (found []runtimes.Candidate) {
	for _, r := range t.Runtimes {
		kind, known := runtimes.ParseType(r.RuntimeType)
		if !known || !r.Available || workload.Shared(r) != "javascript" {
			continue
		}
		candidate := runtimes.Candidate{
			Type: kind, Score: r.Isolation.Score,
			Figures: runtimes.Figures{Startup: time.Duration(r.StartupMs * float64(time.Millisecond)), Memory: int64(r.MemoryMB * (1 << 20))},
		}
		if r.Strongest != nil {
			candidate.Strongest = r.Strongest.Score
		}
		found = append(found, candidate)
	}
	return found
}
