// Package measure repeats tasks and keeps what they took.
//
// A [Task] is work that is repeated; each repetition gives a sample to one or
// more series. A [Runner] interleaves the tasks: it divides the repetitions of
// each over the same number of rounds and shuffles the turns of every round by
// a seed, so that what disturbs the machine hits all alike, and a run that is
// cut short has its part of each. The first repetitions warm up and are
// discarded. An operation that fails is counted and gives no sample.
// A [Bar] shows how far it is.
package measure

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// Progress is told how far a run is.
type Progress interface {
	// Begin starts a phase of so many steps.
	Begin(phase string, steps int)
	// Step says that one more is done, and what comes now.
	Step(doing string)
	// End ends the phase.
	End()
}

// Runner runs tasks. Its fields must not change while it does.
type Runner struct {
	Tasks []*Task
	// Rounds is how many parts each task is divided into. Zero means 20.
	Rounds int
	Seed   uint64
	// Budget bounds the time: no round but the first begins that would not end
	// within it, and at a quarter more the run ends where it is (in the first
	// round at twice as much). Zero is no bound.
	Budget time.Duration
	// Timeout bounds one repetition. Zero means a minute.
	Timeout time.Duration
	// Fatal says which errors end the run: the server is gone. Nil is none.
	Fatal    func(error) bool
	Progress Progress // required
}

// Outcome says how a run went.
type Outcome struct {
	Rounds int // that were run
	Of     int
	Took   time.Duration
}

// giveUp is after how many failures in a row a task is not tried again.
const giveUp = 3

// closeTimeout bounds the end of one task.
const closeTimeout = 30 * time.Second

// Run runs the tasks. What was measured is in their series, also on an error:
// one that is Fatal, or ctx's cause.
func (r *Runner) Run(ctx context.Context) (Outcome, error) {
	rounds := r.Rounds
	if rounds == 0 {
		rounds = 20
	}
	this := &run{Runner: r, began: time.Now()}
	for _, t := range r.Tasks {
		for _, s := range t.Series {
			s.Warmup, s.Wanted = t.Warmup, t.Count
		}
		this.tasks = append(this.tasks, &state{Task: t})
	}
	defer this.close(context.WithoutCancel(ctx))
	done, err := 0, this.warmUp(ctx)
	if err == nil {
		done, err = this.rounds(ctx, rounds)
	}
	this.explain()
	return Outcome{Rounds: done, Of: rounds, Took: time.Since(this.began)}, err
}

// state is a task while it runs.
type state struct {
	*Task
	failures int // in a row
	over     bool
}

// run is one run of a Runner.
type run struct {
	*Runner
	began time.Time
	tasks []*state
}

// warmUp opens the tasks and runs their discarded repetitions.
func (r *run) warmUp(ctx context.Context) error {
	r.Progress.Begin("warm-up", len(r.tasks))
	defer r.Progress.End()
	for _, t := range r.tasks {
		r.Progress.Step(t.Name)
		if err := r.open(ctx, t); err != nil {
			return err
		}
		for i := 0; i < t.Warmup && !t.over; i++ {
			if err := r.once(ctx, t, true, i == 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// open ends the run only on a fatal error.
func (r *run) open(ctx context.Context, t *state) error {
	if t.Open == nil {
		return nil
	}
	bounded, cancel := r.bounded(ctx)
	defer cancel()
	err := t.Open(bounded)
	if err == nil {
		return nil
	}
	for _, s := range t.Series {
		s.Fail(err.Error(), false)
	}
	r.end(t, "it could not be prepared: "+err.Error())
	return r.fatal(ctx, err)
}

// rounds runs them until they are done or the budget is used up.
func (r *run) rounds(ctx context.Context, rounds int) (done int, err error) {
	r.Progress.Begin("measure", rounds*len(r.tasks))
	defer r.Progress.End()
	random := rand.New(rand.NewPCG(r.Seed, 0))
	var longest time.Duration
	for round := range rounds {
		start := time.Now()
		if round > 0 && r.Budget > 0 && start.Sub(r.began)+longest > r.Budget {
			return round, nil
		}
		for _, next := range random.Perm(len(r.tasks)) {
			t := r.tasks[next]
			r.Progress.Step(t.Name)
			for i := range t.Count*(round+1)/rounds - t.Count*round/rounds {
				if r.late(round) {
					return round, nil
				}
				if t.over {
					break
				}
				if err := r.once(ctx, t, false, i == 0); err != nil {
					return round, err
				}
			}
		}
		longest = max(longest, time.Since(start))
	}
	return rounds, nil
}

// late reports whether the budget is more than used up; the first round may
// take twice as long, so that a slow machine has a sample of each.
func (r *run) late(round int) bool {
	limit := r.Budget * 5 / 4
	if round == 0 {
		limit = r.Budget * 2
	}
	return r.Budget > 0 && time.Since(r.began) > limit
}

// once runs one repetition and returns an error only when the run must end.
func (r *run) once(ctx context.Context, t *state, warmup, first bool) error {
	bounded, cancel := r.bounded(ctx)
	defer cancel()
	clock := &Clock{began: r.began, warmup: warmup, first: first, failed: func(s *result.Series, err error) {
		if context.Cause(ctx) == nil { // a run that was told to end has no failures
			var wrong *WrongOutput
			s.Fail(err.Error(), errors.As(err, &wrong))
		}
	}}
	err := t.Once(bounded, clock)
	clock.count(t.Series[0], err)
	if err == nil {
		t.failures = 0
		return nil
	}
	if t.failures++; t.failures >= giveUp {
		r.end(t, fmt.Sprintf("given up after %d failures in a row", giveUp))
	}
	return r.fatal(ctx, err)
}

func (r *run) end(t *state, why string) {
	t.over = true
	for _, s := range t.Series {
		s.GivenUp = why
	}
}

func (r *run) fatal(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if r.Fatal != nil && r.Fatal(err) {
		return err
	}
	return nil
}

func (r *run) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	return context.WithTimeout(ctx, timeout)
}

// close ends the tasks, the last opened first. Its errors lose no figures.
func (r *run) close(ctx context.Context) {
	for i := len(r.tasks) - 1; i >= 0; i-- {
		if t := r.tasks[i]; t.Close != nil {
			ctx, cancel := context.WithTimeout(ctx, closeTimeout)
			_ = t.Close(ctx) // the server's end removes what is left
			cancel()
		}
	}
}

// explain says of the series that have nothing why.
func (r *run) explain() {
	for _, t := range r.tasks {
		for _, s := range t.Series {
			if len(s.Samples) == 0 && len(s.Failures) == 0 && s.GivenUp == "" {
				s.GivenUp = "the run ended before its turn"
			}
		}
	}
}
