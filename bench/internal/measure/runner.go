package measure

import (
	"context"
	"time"
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
