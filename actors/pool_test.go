package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// pythonPool keeps environments of Python ready, and of nothing else.
func pythonPool(least, most int) *PoolOptions {
	return &PoolOptions{Sizes: map[runtimes.Language]PoolSize{
		runtimes.Python: {Min: least, Max: most}, runtimes.JavaScript: {Max: 4}, runtimes.TypeScript: {Max: 4},
	}}
}

// inPool is inWorld with such a pool, which has had the time to fill itself.
func inPool(t *testing.T, p *PoolOptions, f fake.Options, test func(w *world)) {
	t.Helper()
	inWorld(t, Options{Pools: p}, f, func(w *world) {
		time.Sleep(time.Second)
		test(w)
	})
}

func pythonRequest() CreateRequest {
	r := request()
	r.Language = runtimes.Python
	return r
}

func (w *world) createPython(edit func(*CreateRequest)) (*Session, *Info) {
	w.t.Helper()
	r := pythonRequest()
	if edit != nil {
		edit(&r)
	}
	s, info, err := w.system.Create(context.Background(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return s, info
}

// pool is that of Python once everything has come to rest.
func (w *world) pool() PoolInfo {
	w.t.Helper()
	synctest.Wait()
	for _, p := range w.system.Pools() {
		if p.Language == runtimes.Python && p.Image == "" {
			return p
		}
	}
	w.t.Fatal("there is no pool")
	return PoolInfo{}
}

func (w *world) wantPool(warm, target int) PoolInfo {
	w.t.Helper()
	p := w.pool()
	if p.Warm != warm || p.Target != target {
		w.t.Errorf("%d ready and %d aimed at, want %d and %d: %+v", p.Warm, p.Target, warm, target, p)
	}
	return p
}

func TestAPoolHasItsMinimumAndIsFilledAgainAfterAPause(t *testing.T) {
	inPool(t, pythonPool(2, 4), fake.Options{CreateDelay: 10 * time.Millisecond}, func(w *world) {
		w.wantPool(2, 2)
		start := time.Now()
		s, info := w.createPython(nil)
		if !info.Pooled || time.Since(start) != 0 {
			t.Errorf("pooled: %v after %v", info.Pooled, time.Since(start))
		}
		if n := len(w.fake.Environments()); n != 2 {
			t.Errorf("%d environments right after a claim: a fill came too soon", n)
		}
		w.run(s, "true")
		time.Sleep(fillPause - time.Millisecond)
		w.wantPool(1, 2)
		time.Sleep(20 * time.Millisecond)
		if p := w.wantPool(2, 2); p.Hits != 1 || len(p.Misses) != 0 {
			t.Errorf("%+v", p)
		}
	})
}

func TestASessionThatRunsNothingDelaysAFillForAMoment(t *testing.T) {
	inPool(t, pythonPool(2, 4), fake.Options{CreateDelay: 10 * time.Millisecond}, func(w *world) {
		w.createPython(nil)
		time.Sleep(fillPauseMost - time.Millisecond)
		w.wantPool(1, 2)
		time.Sleep(20 * time.Millisecond)
		w.wantPool(2, 2)
	})
}

func TestClaimsPutAFillOffForASecondAtMost(t *testing.T) {
	inPool(t, pythonPool(4, 4), fake.Options{CreateDelay: 10 * time.Millisecond}, func(w *world) {
		for range 30 { // a claim every 50 ms, and no command
			w.createPython(nil)
			time.Sleep(50 * time.Millisecond)
		}
		if made := w.pool().Hits; made <= 4 {
			t.Errorf("%d sessions from the pool", made)
		}
	})
}

func TestAPoolGrowsWithTheDemandAndShrinksLater(t *testing.T) {
	inPool(t, pythonPool(1, 5), fake.Options{CreateDelay: 10 * time.Millisecond}, func(w *world) {
		w.wantPool(1, 1)
		for range 3 {
			s, _ := w.createPython(nil)
			w.ask(s, &Close{})
		}
		if p := w.pool(); p.Hits != 1 || p.Misses["empty"] != 2 {
			t.Errorf("%+v", p)
		}
		time.Sleep(2 * time.Second)
		w.wantPool(4, 4) // a burst of 3, and the rate
		for range 20 {
			s, _ := w.createPython(nil)
			w.ask(s, &Close{})
		}
		time.Sleep(2 * time.Second)
		w.wantPool(5, 5)
		time.Sleep(burstWindow*time.Second + shrinkAfter)
		if p := w.pool(); p.Target != 1 || p.Warm < 4 {
			t.Errorf("after the burst is forgotten: %+v", p)
		}
		time.Sleep(4*shrinkEvery + 20*time.Second)
		w.wantPool(1, 1)
	})
}

func TestALanguageWithoutAMinimumIsWarmOnceItWasAskedFor(t *testing.T) {
	inPool(t, pythonPool(0, 4), fake.Options{}, func(w *world) {
		if _, info := w.createPython(nil); info.Pooled {
			t.Error("pooled, and there was no pool")
		}
		time.Sleep(10 * time.Minute)
		w.wantPool(1, 1)
		if _, info := w.createPython(nil); !info.Pooled {
			t.Error("not pooled")
		}
		time.Sleep(wantedFor + 2*time.Minute)
		w.wantPool(0, 0)
	})
}

func TestFailedFillsPauseForLongerAndLongerAndSayWhy(t *testing.T) {
	var mu sync.Mutex
	var tries []time.Time
	o := fake.Options{CreateError: func(runtimes.Spec) error {
		mu.Lock()
		defer mu.Unlock()
		tries = append(tries, time.Now())
		return errors.New("no room")
	}}
	inPool(t, pythonPool(1, 1), o, func(w *world) {
		time.Sleep(5 * time.Minute)
		if p := w.wantPool(0, 1); !strings.Contains(p.Reason, "tried after 1m0s") || !strings.Contains(p.Reason, "told to fail") {
			t.Errorf("reason %q", p.Reason)
		}
		var pauses []time.Duration
		for i := range tries[1:] {
			pauses = append(pauses, tries[i+1].Sub(tries[i]).Round(time.Second))
		}
		want := scale([]time.Duration{0, 0, 1, 2, 4, 8, 16, 32, 60, 60}, time.Second)
		if len(pauses) < len(want) || !slices.Equal(pauses[:len(want)], want) {
			t.Errorf("pauses %v", pauses)
		}
	})
}

func TestADeadEnvironmentIsNeverHandedOut(t *testing.T) {
	inPool(t, pythonPool(2, 2), fake.Options{CreateDelay: 10 * time.Millisecond}, func(w *world) {
		all := w.fake.Environments()
		all[0].Kill()
		synctest.Wait()
		s, info := w.createPython(nil)
		if !info.Pooled || info.EnvironmentID == all[0].ID() {
			t.Errorf("%+v", info)
		}
		w.run(s, "true")
		time.Sleep(time.Second)
		if p := w.wantPool(2, 2); p.Discarded["lost"] != 1 {
			t.Errorf("%+v", p)
		}
	})
}

func TestAHungEnvironmentIsFoundAndReplaced(t *testing.T) {
	var hang atomic.Bool
	programs := map[string]fake.Program{"true": func(r *fake.Run) int {
		if hang.Load() {
			<-r.Killed()
		}
		return 0
	}}
	inPool(t, pythonPool(2, 2), fake.Options{Programs: programs}, func(w *world) {
		before := w.fake.Environments()
		hang.Store(true)
		time.Sleep(DefaultCheckInterval + 3*time.Second)
		hang.Store(false)
		time.Sleep(2 * DefaultCreateTimeout) // a fill has hung, too
		if p := w.wantPool(2, 2); p.Discarded["hung"] < 2 {
			t.Errorf("%+v", p)
		}
		for _, e := range w.fake.Environments() {
			if slices.Contains(before, e) {
				t.Error("one that hung is still there")
			}
		}
	})
}

func TestWhatIsOldOrMadeOfOtherToolsIsReplaced(t *testing.T) {
	inPool(t, pythonPool(2, 2), fake.Options{}, func(w *world) {
		time.Sleep(poolAge + time.Minute)
		if p := w.wantPool(2, 2); p.Discarded["old"] != 2 {
			t.Errorf("%+v", p)
		}
		w.fake.ReplaceTools()
		time.Sleep(2 * DefaultCheckInterval)
		if p := w.wantPool(2, 2); p.Discarded["stale"] != 2 {
			t.Errorf("%+v", p)
		}
	})
}

func TestWhatCannotBeAssignedGoesBackToThePool(t *testing.T) {
	var refuse atomic.Pointer[error]
	o := fake.Options{AssignError: func(a runtimes.Assignment) error {
		if err := refuse.Load(); err != nil && a.Limits != (runtimes.Limits{}) {
			return *err
		}
		return nil
	}}
	inPool(t, pythonPool(1, 1), o, func(w *world) {
		larger := func(r *CreateRequest) { r.Limits.MemoryBytes = 1 << 30 }
		ready := w.fake.Environments()[0]
		refuse.Store(&runtimes.ErrCannotAssign)
		if _, info := w.createPython(larger); info.Pooled || info.EnvironmentID == ready.ID() {
			t.Errorf("%+v", info)
		}
		if p := w.wantPool(1, 1); p.Misses["limits"] != 1 || p.Hits != 0 || len(p.Discarded) != 0 {
			t.Errorf("%+v", p)
		}
		broken := errors.New("half done")
		refuse.Store(&broken)
		if _, info := w.createPython(larger); info.Pooled {
			t.Errorf("%+v", info)
		}
		if p := w.pool(); p.Misses["failed"] != 1 || p.Discarded["failed"] != 1 {
			t.Errorf("%+v", p)
		}
		for _, e := range w.fake.Environments() {
			if e == ready {
				t.Error("one that failed halfway is still there")
			}
		}
		refuse.Store(nil)
		time.Sleep(2 * time.Second)
		if _, info := w.createPython(larger); !info.Pooled {
			t.Errorf("%+v", info)
		}
	})
}

func TestWhatCannotBeBoundLateIsMadeColdAndSaysWhy(t *testing.T) {
	inPool(t, pythonPool(1, 1), fake.Options{}, func(w *world) {
		if _, info := w.createPython(func(r *CreateRequest) { r.Network = runtimes.Internet }); info.Pooled {
			t.Error("a session with a network has an environment of the pool")
		}
		if p := w.wantPool(1, 1); p.Misses["network"] != 1 {
			t.Errorf("%+v", p)
		}
	})
}

func TestASessionHasTheWarmKernelAndItsVariables(t *testing.T) {
	inPool(t, pythonPool(1, 1), fake.Options{}, func(w *world) {
		s, info := w.createPython(func(r *CreateRequest) { r.Env = []string{"MINE=42"} })
		if !info.Pooled {
			t.Fatal("not pooled")
		}
		if l := w.ask(s, &ListContexts{}).result.(*ContextList); len(l.Contexts) != 0 {
			t.Errorf("contexts before the first cell: %+v", l.Contexts)
		}
		_, r := w.cell(s, cellOf("variable MINE"))
		if r.Result.Value != "42" || r.Restarted {
			t.Errorf("%+v, %+v", r, r.Result)
		}
		if _, r = w.cell(s, cellOf("count")); r.Result.Value != "4" { // after two of the pool
			t.Errorf("a cell has not run in the warm kernel: %+v", r.Result)
		}
		other := cellOf("count")
		other.Context = "other"
		if _, r = w.cell(s, other); r.Result.Value != "1" {
			t.Errorf("another context shares it: %+v", r.Result)
		}
		fresh := cellOf("count")
		fresh.Reset = true
		if _, r = w.cell(s, fresh); r.Result.Value != "1" {
			t.Errorf("after a reset: %+v", r.Result)
		}
	})
}

func TestAKernelThatReadsAVariableAtItsStartIsStartedAnew(t *testing.T) {
	inPool(t, pythonPool(1, 1), fake.Options{}, func(w *world) {
		s, info := w.createPython(func(r *CreateRequest) { r.Env = []string{"PYTHONPATH=/workspace/lib"} })
		if !info.Pooled {
			t.Fatal("not pooled")
		}
		if _, r := w.cell(s, cellOf("count")); r.Result.Value != "1" || r.Restarted {
			t.Errorf("%+v, %+v", r, r.Result)
		}
	})
}

func TestAWarmKernelThatDiedIsNoneOfTheSession(t *testing.T) {
	inPool(t, pythonPool(1, 1), fake.Options{}, func(w *world) {
		s, _ := w.createPython(nil)
		w.fake.Environment(s.ID()).Kill()
		time.Sleep(time.Second)
		if got := w.state(s); got != Idle {
			t.Fatal(got)
		}
		if _, r := w.cell(s, cellOf("count")); r.Result.Value != "1" || r.Restarted {
			t.Errorf("%+v, %+v", r, r.Result)
		}
	})
}

func TestPoolsKeepTheirBudget(t *testing.T) {
	p := pythonPool(4, 4)
	p.MemoryBytes = 2*assumedMemory + assumedMemory/2
	inPool(t, p, fake.Options{}, func(w *world) {
		if p := w.wantPool(2, 4); p.MemoryBytes != 2*assumedMemory || !strings.Contains(p.Reason, "--pool-memory") {
			t.Errorf("%+v", p)
		}
	})
}

func TestPoolsGetSmallerWhereTheMachineIsShortOfMemory(t *testing.T) {
	var left atomic.Int64
	left.Store(50)
	p := pythonPool(3, 3)
	p.Memory = func() (int64, int64) { return left.Load(), 100 }
	inPool(t, p, fake.Options{}, func(w *world) {
		w.wantPool(3, 3)
		left.Store(10)
		time.Sleep(2 * DefaultCheckInterval)
		if p := w.pool(); p.Warm >= 3 || p.Discarded["memory"] == 0 || !strings.Contains(p.Reason, "memory is left") {
			t.Errorf("%+v", p)
		}
		left.Store(50)
		time.Sleep(2 * DefaultCheckInterval)
		if p := w.wantPool(3, 3); p.Reason != "" {
			t.Errorf("%+v", p)
		}
	})
}

func TestSessionsHaveTheMemoryOfPools(t *testing.T) {
	const session = 100 << 20
	o := Options{
		HostMemoryBytes: 2*session + assumedMemory, MemoryOvercommit: 1,
		Pools: pythonPool(2, 2),
	}
	inWorld(t, o, fake.Options{}, func(w *world) {
		time.Sleep(time.Second)
		w.wantPool(2, 2)
		for range 2 {
			r := request() // of JavaScript
			r.Limits.MemoryBytes = session
			if _, _, err := w.system.Create(context.Background(), r); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if p := w.pool(); p.Warm > 1 || p.Discarded["memory"] == 0 {
			t.Errorf("%+v", p)
		}
	})
}

func TestAPanicOfAPoolCostsItsStockOnly(t *testing.T) {
	inPool(t, pythonPool(2, 2), fake.Options{CreateDelay: 10 * time.Millisecond}, func(w *world) {
		s, _ := w.createPython(nil)
		w.run(s, "true")
		before := len(w.fake.Environments())
		time.Sleep(55 * time.Millisecond) // a fill is under way
		w.system.root.Send(w.poolPID(), &checked{})
		time.Sleep(time.Second)
		w.run(s, "true")
		if p := w.wantPool(2, 2); p.Discarded["stopped"] == 0 {
			t.Errorf("%+v", p)
		}
		if n := len(w.fake.Environments()); n != 3 {
			t.Errorf("%d environments, before %d", n, before)
		}
		if _, info := w.createPython(nil); !info.Pooled {
			t.Error("the new pool gives nothing")
		}
		w.system.root.Send(w.system.pools, &fillDone{}) // which panics above the pools
		time.Sleep(time.Second)
		w.run(s, "true")
		w.wantPool(2, 2)
	})
}

// poolPID is the pool of Python.
func (w *world) poolPID() *actor.PID {
	return w.system.actors.NewLocalPID(w.system.pools.Id + "/pool/native/python")
}

func TestACreateDoesNotWaitForAPoolThatDoesNotAnswer(t *testing.T) {
	inPool(t, pythonPool(1, 1), fake.Options{}, func(w *world) {
		w.system.stopPools()
		synctest.Wait()
		start := time.Now()
		if _, info := w.createPython(nil); info.Pooled || time.Since(start) != claimTimeout {
			t.Errorf("%+v after %v", info, time.Since(start))
		}
	})
}

func TestAClaimBelongsToOneOfBoth(t *testing.T) {
	r := &pooled{}
	given, withdrawn := &claim{}, &claim{}
	if !given.give(r) {
		t.Error("an open claim was not given")
	}
	if got, late := given.withdraw(); got != r || late {
		t.Error("what was given is not the session's")
	}
	if got, late := withdrawn.withdraw(); got != nil || !late {
		t.Error("an open claim held something")
	}
	if withdrawn.give(r) || withdrawn.decline() {
		t.Error("a claim that was withdrawn was answered")
	}
}

func TestASessionClosedWhileItClaimsLeavesNothing(t *testing.T) {
	inPool(t, pythonPool(3, 3), fake.Options{}, func(w *world) {
		for range 20 {
			ctx, cancel := context.WithCancel(context.Background())
			go cancel()
			_, _, _ = w.system.Create(ctx, pythonRequest())
		}
		time.Sleep(time.Minute)
		w.wantPool(3, 3)
	})
}

func TestAShutdownEndsAFillUnderWay(t *testing.T) {
	inWorld(t, Options{Pools: pythonPool(2, 2)}, fake.Options{CreateDelay: 20 * time.Second}, func(w *world) {
		time.Sleep(25 * time.Second) // one is ready, the next is being made
		w.wantPool(1, 2)
		start := time.Now()
		w.system.Drain()
		synctest.Wait()
		if n := len(w.fake.Environments()); n != 0 || time.Since(start) != 0 {
			t.Errorf("%d environments are left", n)
		}
	})
}

func TestWithoutOptionsThereAreNoPools(t *testing.T) {
	inWorld(t, Options{}, fake.Options{}, func(w *world) {
		if _, info := w.createPython(nil); info.Pooled {
			t.Error("pooled")
		}
		time.Sleep(time.Minute)
		if n, pools := len(w.fake.Environments()), w.system.Pools(); n != 1 || pools != nil {
			t.Errorf("%d environments, %+v", n, pools)
		}
	})
}

func TestACreateThatWouldWaitTooLongIsRefused(t *testing.T) {
	inWorld(t, Options{MaxSessions: 1000}, fake.Options{CreateDelay: 2 * time.Second}, func(w *world) {
		w.createPython(nil)
		parallel := cap(w.system.creating)
		answers := make(chan error, 1000)
		for range 7 * parallel {
			go func() {
				_, _, err := w.system.Create(context.Background(), pythonRequest())
				answers <- err
			}()
		}
		synctest.Wait()
		var busy *BusyError
		refused := 0
		for len(answers) > 0 {
			if err := <-answers; errors.As(err, &busy) {
				refused++
			}
		}
		if refused == 0 || refused > parallel || busy.Limit != "creations" || busy.RetryAfter < busyRetry || busy.RetryAfter > 3*time.Second {
			t.Fatalf("%d refused, %+v", refused, busy)
		}
		time.Sleep(time.Minute)
		if _, _, err := w.system.Create(context.Background(), pythonRequest()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestTargets(t *testing.T) {
	at := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		name   string
		claims []int // seconds before now
		fill   time.Duration
		size   PoolSize
		want   int
	}{
		{"nothing", nil, 0, PoolSize{Max: 16}, 0},
		{"the minimum", nil, 0, PoolSize{Min: 2, Max: 16}, 2},
		{"one claim", []int{1}, 0, PoolSize{Max: 16}, 1},
		{"one claim of an hour ago", []int{3600}, time.Second, PoolSize{Max: 16}, 0},
		{"one of ten minutes ago", []int{600}, time.Second, PoolSize{Max: 16}, 1},
		{"a burst", []int{200, 200, 200, 100}, 0, PoolSize{Max: 16}, 3},
		{"a rate", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, time.Second, PoolSize{Max: 16}, 3},
		{"the maximum", []int{1, 1, 1, 1, 1}, time.Second, PoolSize{Max: 4}, 4},
	} {
		var d demand
		for _, ago := range slices.Backward(slices.Sorted(slices.Values(c.claims))) {
			d.note(at.Add(-time.Duration(ago) * time.Second))
		}
		if c.fill > 0 {
			d.filled(c.fill)
		}
		if got := d.target(at, c.size); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if got := fmt.Sprint(poolKey{runtimes.Docker, runtimes.Python, "docker.io/library/python:3.12"}); got != "pool/docker/python/docker.io/library/python:3.12" {
		t.Error(got)
	}
}
