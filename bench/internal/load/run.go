package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/client"
)

// Options of Run.
type Options struct {
	Scenario Scenario
	Seed     uint64
	// URL and Client say how to connect.
	URL    string
	Client client.Options
	// Live is told of every second. It must not block. Nil is not told.
	Live func(result.Second)
	// Note is told of phases. Nil is not told.
	Note func(format string, args ...any)
}

// errGone ends a test whose server is gone.
var errGone = errors.New("the server is gone: every connection has ended")

// test is one load test while it runs.
type test struct {
	Options
	plan     plan
	mix      mix
	fleet    *fleet
	recorder *recorder
	meter    *meter
	result   *result.LoadResult
	began    time.Time
}

// Run runs a load test and returns what it found, also when it ends early: an
// error says why.
func Run(ctx context.Context, o Options) (*result.LoadResult, error) {
	s := &o.Scenario
	o.Client.Redial.Off = true // a connection that breaks is a finding
	if o.Note == nil {
		o.Note = func(string, ...any) {}
	}
	o.Client.Redial.Off = true // a connection that is lost is to be counted
	t := &test{
		Options: o, plan: planOf(s), mix: newMix(s.Calls), recorder: newRecorder(len(s.Calls)), meter: newMeter(o.URL, o.Client.Key),
		result: &result.LoadResult{Scenario: s.Name, Model: s.Model, Errors: map[string]int64{}},
	}
	defer t.meter.close()
	t.fleet = &fleet{scenario: &t.Scenario, dial: func(ctx context.Context) (*client.Client, error) { return client.Dial(ctx, o.URL, o.Client) }}
	err := t.setUp(ctx)
	if err == nil {
		err = t.load(ctx)
	}
	t.summarise()
	o.Note("closing %d sessions and %d connections …", len(t.fleet.members), len(t.fleet.clients)+len(t.fleet.idle))
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), setupTimeout)
	defer cancel()
	if closed := t.fleet.close(ending); err == nil && closed != nil {
		err = fmt.Errorf("the sessions could not be closed: %w", closed)
	}
	return t.result, err
}

// setUp makes connections and sessions, and weighs the server before and after.
func (t *test) setUp(ctx context.Context) error {
	s := &t.Scenario
	t.Note("making %d connections with %d sessions each, and %d idle ones …", s.Connections, s.Sessions, s.Idle)
	start := time.Now()
	t.result.Setup.MemoryBeforeMB = t.meter.megabytes(ctx)
	err := t.fleet.open(ctx)
	t.result.Setup.Seconds = time.Since(start).Seconds()
	t.result.Setup.MemoryAfterMB = t.meter.megabytes(ctx)
	t.result.Connections, t.result.Idle = len(t.fleet.clients), len(t.fleet.idle)
	for _, m := range t.fleet.members {
		if m.session != "" {
			t.result.Sessions++
		}
	}
	t.result.Setup.Connect, t.result.Setup.CreateSession = latencyOf(t.fleet.connect, false), latencyOf(t.fleet.create, false)
	return err
}

// load makes calls as the scenario says and watches them.
func (t *test) load(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	t.began = time.Now()
	var driving sync.WaitGroup
	over := make(chan struct{})
	driving.Go(func() {
		defer close(over)
		switch {
		case len(t.fleet.members) == 0:
			rest(ctx, t.plan.duration())
		case t.Scenario.Model == "closed":
			t.closed(ctx)
		default:
			t.open(ctx)
		}
	})
	err := t.watch(ctx, over, stop)
	driving.Wait()
	if lost := t.fleet.lost(); err == nil && lost > 0 {
		err = fmt.Errorf("%d of %d idle connections were lost", lost, len(t.fleet.idle))
	}
	return err
}

// open starts calls when they are meant to start. It returns when all have
// ended.
func (t *test) open(ctx context.Context) {
	random := rand.New(rand.NewPCG(t.Seed, 1))
	var spaces *rand.Rand
	if t.Scenario.Poisson {
		spaces = rand.New(rand.NewPCG(t.Seed, 2))
	}
	var calls sync.WaitGroup
	defer calls.Wait()
	for at := range t.plan.arrivals(spaces) {
		intended := t.began.Add(at)
		if !rest(ctx, time.Until(intended)) {
			return
		}
		t.result.Intended++
		call, m := t.mix.pick(random), t.fleet.members[random.IntN(len(t.fleet.members))]
		if t.recorder.inFlight.Load() >= int64(t.Scenario.MaxInFlight) {
			t.recorder.dropped.Add(1)
			continue
		}
		t.recorder.inFlight.Add(1)
		calls.Go(func() { t.call(ctx, call, m, intended) })
	}
}

// closed keeps as many workers busy as the plan says. It returns when all have
// ended.
func (t *test) closed(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	for i := range int(t.plan.most()) {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(t.Seed, uint64(i)))
			m := t.fleet.members[i%len(t.fleet.members)]
			for time.Since(t.began) < t.plan.duration() && ctx.Err() == nil {
				if float64(i) >= t.plan.at(time.Since(t.began)) {
					rest(ctx, closedPoll)
					continue
				}
				t.recorder.inFlight.Add(1)
				t.call(ctx, t.mix.pick(random), m, time.Now())
				if t.Scenario.Think > 0 {
					rest(ctx, time.Duration(t.Scenario.Think))
				}
			}
		})
	}
}

// closedPoll is how often a worker that has no turn looks whether it has one.
const closedPoll = 20 * time.Millisecond

// call makes one call; its latency counts from since.
func (t *test) call(ctx context.Context, call int, m member, since time.Time) {
	t.recorder.started.Add(1)
	defer t.recorder.inFlight.Add(-1)
	bounded, cancel := context.WithTimeout(ctx, time.Duration(t.Scenario.Timeout))
	defer cancel()
	err := t.Scenario.Calls[call].do(bounded, m.client, m.session)
	if context.Cause(ctx) != nil {
		return // the test was told to end: this call says nothing
	}
	t.recorder.ended(call, time.Since(since), err)
}

// rest waits, less when ctx ends; it reports whether ctx has not.
func rest(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

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

// summarise sums up.
func (t *test) summarise() {
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
