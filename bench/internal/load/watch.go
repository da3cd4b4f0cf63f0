package load

import (
	"context"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// watch tells of each second until the load is over, and ends it when the
// server is gone.
func (t *test) watch(ctx context.Context, over <-chan struct{}, stop context.CancelCauseFunc) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := t.began
	for {
		select {
		case <-ticker.C:
			last = t.tell(ctx, last)
			if t.fleet.gone() {
				stop(errGone)
			}
		case <-over:
			if t.fleet.gone() {
				stop(errGone)
			}
			t.result.Seconds = time.Since(t.began).Seconds()
			if time.Since(last) > time.Second/2 || t.recorder.waiting() {
				t.tell(ctx, last)
			}
			return context.Cause(ctx)
		}
	}
}

// tell ends a window and returns when that was.
func (t *test) tell(ctx context.Context, last time.Time) time.Time {
	now, window := time.Now(), t.recorder.roll()
	l := latencyOf(window, false)
	at := now.Sub(t.began)
	second := result.Second{
		At: at.Seconds(), Target: t.plan.at(min(at, t.plan.duration()-slice)), InFlight: t.recorder.inFlight.Load(),
		Rate: float64(l.N) / now.Sub(last).Seconds(), Median: l.Median, P90: l.P90, P99: l.P99, Max: l.Max,
		ServerMemory: t.meter.megabytes(ctx),
	}
	failed := t.recorder.failures()
	second.Failed = failed
	for _, earlier := range t.result.Lines {
		second.Failed -= earlier.Failed
	}
	t.result.Lines = append(t.result.Lines, second)
	if t.Live != nil {
		t.Live(second)
	}
	return now
}

// settle sums up.
func (t *test) settle() {
	r, all := t.result, t.recorder.roll()
	all.Reset()
	for i, c := range t.Scenario.Calls {
		total := t.recorder.totals[i]
		all.Merge(total)
		r.Calls = append(r.Calls, result.CallResult{
			Name: c.Name, Weight: c.Weight, Done: total.TotalCount(), Failed: t.recorder.failed[i], Latency: latencyOf(total, true),
		})
	}
	r.All = latencyOf(all, true)
	r.Started, r.Done, r.Dropped = t.recorder.started.Load(), t.recorder.done.Load(), t.recorder.dropped.Load()
	r.WrongOutputs = t.recorder.wrong.Load()
	if t.Scenario.Model == "closed" {
		r.Intended = r.Started
	}
	for name, count := range t.recorder.errors {
		r.Errors[name] = count
	}
}
