package runtimes

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stub is a runtime of which only the availability matters.
type stub struct {
	kind   Type
	down   atomic.Bool
	probes atomic.Int64
}

func (s *stub) Type() Type { return s.kind }

func (s *stub) Probe(context.Context) Availability {
	s.probes.Add(1)
	if s.down.Load() {
		return Availability{Reason: "it is down"}
	}
	var served []Language
	for _, l := range Languages() {
		if slices.Contains(l.Runtimes(), s.kind) {
			served = append(served, l)
		}
	}
	return Availability{Available: true, Languages: served, Isolation: Isolation{Score: 8}}
}

func (s *stub) Create(context.Context, Spec) (Environment, error)  { panic("a stub makes nothing") }
func (s *stub) Adopt(context.Context, Handle) (Environment, error) { return nil, ErrCannotAdopt }
func (s *stub) Sweep(context.Context) error                        { return nil }
func (s *stub) Close() error                                       { return nil }

// watched is a stub that can tell that something has changed.
type watched struct {
	stub
	changed atomic.Bool
}

func (w *watched) Changed(context.Context) bool { return w.changed.Swap(false) }

func TestNothingIsAvailableBeforeTheFirstProbe(t *testing.T) {
	r := NewRegistry(&stub{kind: Bun})
	if r.Select(JavaScript, Speed) != nil || len(r.Served()) != 0 || r.Offer(Bun).Availability.Reason == "" {
		t.Error("something is offered")
	}
	r.Probe(t.Context())
	if rt := r.Select(JavaScript, Speed); rt == nil || rt.Type() != Bun {
		t.Errorf("selected %v", rt)
	}
	if rt := r.Select(Python, Speed); rt != nil {
		t.Errorf("python is served by %v", rt.Type())
	}
}

func TestMeasuredFiguresAreUsedForAllOrForNone(t *testing.T) {
	r := NewRegistry(&stub{kind: Bun}, &stub{kind: Docker}, &stub{kind: Embedded})
	r.Probe(t.Context())
	fast := Figures{Startup: time.Millisecond, Memory: 1 << 20}
	r.SetMeasured(map[Type]Figures{Docker: fast})
	if o := r.Offer(Docker); o.Measured || o.Figures != DeclaredFigures(Docker) {
		t.Errorf("one measured among declared: %+v", o.Figures)
	}
	r.SetMeasured(map[Type]Figures{Bun: {Startup: time.Second, Memory: 1 << 30}})
	if o := r.Offer(Docker); !o.Measured || o.Figures != fast {
		t.Errorf("all are measured: %+v", o.Figures)
	}
	if rt := r.Select(JavaScript, Speed); rt.Type() != Docker {
		t.Errorf("selected %v by the measured figures", rt.Type())
	}
}

func TestAnEngineThatStartsLaterIsNoticedWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docker, bun := &watched{stub: stub{kind: Docker}}, &stub{kind: Bun}
		docker.down.Store(true)
		bun.down.Store(true)
		r := NewRegistry(docker, bun)
		ctx, cancel := context.WithCancel(context.Background())
		r.Probe(ctx)
		go r.Watch(ctx)
		docker.down.Store(false)
		docker.changed.Store(true)
		time.Sleep(watchInterval + time.Millisecond)
		synctest.Wait()
		if !r.Offer(Docker).Availability.Available {
			t.Error("the engine is not noticed")
		}
		bun.down.Store(false)
		time.Sleep(reprobeInterval + watchInterval)
		synctest.Wait()
		if !r.Offer(Bun).Availability.Available {
			t.Error("what cannot be watched is not probed again")
		}
		if n := docker.probes.Load(); n != 2 {
			t.Errorf("the engine was probed %d times", n)
		}
		docker.down.Store(true)
		docker.changed.Store(true)
		time.Sleep(watchInterval + time.Millisecond)
		synctest.Wait()
		if r.Select(Python, Speed) != nil {
			t.Error("an engine that is down is still selected")
		}
		cancel()
	})
}

// slow is a runtime whose later probes last until they are given up.
type slow struct{ watched }

func (s *slow) Probe(ctx context.Context) Availability {
	if s.probes.Load() > 0 {
		s.probes.Add(1)
		<-ctx.Done()
	}
	return s.stub.Probe(ctx)
}

// The probe of one runtime that took long kept the end of another's engine from
// being noticed.
func TestAnEngineThatDiesWhileAnotherRuntimeIsProbedIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docker, native := &watched{stub: stub{kind: Docker}}, &slow{watched{stub: stub{kind: Native}}}
		r := NewRegistry(docker, native)
		ctx, cancel := context.WithCancel(context.Background())
		r.Probe(ctx)
		go r.Watch(ctx)
		native.changed.Store(true)
		time.Sleep(watchInterval + time.Millisecond)
		synctest.Wait()
		if native.probes.Load() != 2 {
			t.Fatal("the other runtime is not being probed")
		}
		docker.down.Store(true)
		docker.changed.Store(true)
		time.Sleep(10 * time.Second)
		if r.Offer(Docker).Availability.Available {
			t.Error("ten seconds after its end the engine is still available")
		}
		cancel()
	})
}

func TestAProbeThatWasCutShortSaysNothing(t *testing.T) {
	r := NewRegistry(&stub{kind: Bun})
	r.Probe(t.Context())
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	r.runtimes[Bun].(*stub).down.Store(true)
	r.Probe(cut)
	if !r.Offer(Bun).Availability.Available {
		t.Error("a cut probe changed the availability")
	}
}
