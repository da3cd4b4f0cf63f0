package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/kernel"
)

const (
	// checkTimeout is how soon a ready environment must answer a check.
	checkTimeout = time.Second
	// assumedMemory is what an environment is taken to occupy until one of its pool
	// was measured, or where it cannot be.
	assumedMemory = 32 << 20
)

// fill is an environment that a pool is having made.
type fill struct{ cancel context.CancelCauseFunc }

// fill begins one, if it is still wanted.
func (p *pool) fill() {
	if !p.wanting {
		p.system.root.Send(p.system.pools, &want{stats: p.stats})
		p.system.root.Send(p.system.pools, &fillDone{stats: p.stats})
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	f := &fill{cancel}
	p.filling[f] = struct{}{}
	p.adjust()
	p.system.poolWork.Add(1)
	system, self, home, stats, imports := p.system, p.self, p.home, p.stats, p.size.Imports
	system.dispatcher.Schedule(func() {
		defer cancel(nil)
		system.filling.Add(1)
		defer system.filling.Add(-1)
		start := time.Now()
		r, err := system.makeReady(ctx, stats, imports)
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = cause
		}
		took := time.Since(start)
		system.options.Observer.PoolFilled(stats.key.runtime, stats.key.language, took, err)
		switch {
		case err != nil:
			system.poolWork.Done()
		case home.put(r) == nil:
			system.discard(r, discardStopped)
		}
		system.root.Send(self, &filled{fill: f, took: took, err: err})
		system.root.Send(system.pools, &fillDone{stats: stats})
	})
}

// makeReady makes an environment and warms it, and never panics.
func (s *System) makeReady(ctx context.Context, stats *poolStats, imports []string) (r *pooled, err error) {
	key := stats.key
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%w: the %v runtime panicked: %v", ErrInternal, key.runtime, reason)
		}
		if err != nil && r != nil {
			s.closeReady(r)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, s.options.CreateTimeout)
	defer cancel()
	offer := s.options.Registry.Offer(key.runtime)
	if offer.Runtime == nil || !offer.Availability.Serves(key.language) {
		return nil, fmt.Errorf("%v does not serve %v now", key.runtime, key.language)
	}
	r = &pooled{
		name: strings.ToLower(newID()), born: time.Now(), stats: stats, taken: make(chan struct{}),
	}
	spec := runtimes.Spec{Name: r.name, Language: key.language, Image: key.image, Limits: s.options.Pools.Limits}
	env, err := offer.Runtime.Create(ctx, spec)
	if err != nil {
		r = nil
		return nil, err
	}
	r.environment, r.inForce = env, env.Limits()
	if err := runTrue(ctx, env); err != nil {
		return r, err
	}
	if err := s.warmKernel(ctx, r, imports); err != nil {
		return r, err
	}
	r.memory = assumedMemory
	if meter, ok := env.(runtimes.MemoryMeter); ok {
		if used, err := meter.Memory(ctx); err == nil && used > 0 {
			r.memory = used
		}
	}
	r.checked = time.Now()
	return r, nil
}

// warmKernel starts the kernel and has it do once what cells do.
func (s *System) warmKernel(ctx context.Context, r *pooled, imports []string) error {
	key := r.stats.key
	if engine, ok := s.engine(key.runtime, key.language); !ok || engine.Compiled() {
		return nil
	}
	k, err := s.startKernel(ctx, r.environment, key.runtime, key.language, imports...)
	if err != nil {
		return err
	}
	r.kernel = k
	for _, code := range warmCells(key.language, imports) {
		if err := runCell(ctx, k, code); err != nil {
			return err
		}
	}
	return nil
}

// warmCells print, show and raise, and leave nothing behind.
func warmCells(l runtimes.Language, imports []string) []string {
	switch l {
	case runtimes.Python:
		var first strings.Builder
		for _, module := range imports {
			fmt.Fprintf(&first, "__import__(%q)\n", module)
		}
		return []string{
			first.String() + "print('ready')\ndisplay('ready')\nraise RuntimeError('ready')",
			"[__import__('sys').__dict__.pop(n, None) for n in ('last_type', 'last_value', 'last_traceback', 'last_exc')] and None",
		}
	case runtimes.JavaScript, runtimes.TypeScript:
		return []string{"console.log('ready'); display({'text/plain': 'ready'}); throw new Error('ready')", "undefined"}
	}
	return []string{""}
}

// check finds out whether a ready environment is well. It takes checkTimeout at most.
func (s *System) check(key poolKey, r *pooled) discard {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	if err := runTrue(ctx, r.environment); err != nil {
		return discardHung
	}
	if r.kernel != nil {
		if err := runCell(ctx, r.kernel, ""); err != nil {
			return discardHung
		}
	}
	rt := s.options.Registry.Offer(key.runtime).Runtime
	if c, ok := rt.(runtimes.StaleChecker); ok && c.Stale(ctx, r.environment) {
		return discardStale
	}
	return 0
}

// discard removes what was a pool's, with as many others as there are cores.
func (s *System) discard(r *pooled, why discard) {
	r.stats.discards[why].Add(1)
	s.dispatcher.Schedule(func() {
		s.discarding <- struct{}{}
		defer func() { <-s.discarding }()
		s.closeReady(r)
		s.poolWork.Done()
	})
}

// closeReady removes an environment of nobody.
func (s *System) closeReady(r *pooled) {
	select {
	case <-r.taken:
	default:
		close(r.taken)
	}
	s.close(r.environment, r.name)
	if err := r.environment.Workspace().Close(); err != nil {
		s.options.Logger.Error("workspace not removed", "environment", r.environment.ID(), "error", err)
	}
}

// listener is the sink of what a pool runs: it waits for the end and lets the rest
// go.
type listener struct{ exited chan runtimes.Exit }

func newListener() *listener { return &listener{make(chan runtimes.Exit, 1)} }

func (*listener) Started()                       {}
func (*listener) Output(runtimes.Stream, []byte) {}
func (*listener) InputReady()                    {}
func (*listener) Display(kernel.Display)         {}
func (*listener) Result(*kernel.Result)          {}
func (l *listener) Exited(exit runtimes.Exit)    { l.exited <- exit }

// wait waits for an end that is no loss.
func (l *listener) wait(ctx context.Context) error {
	select {
	case exit := <-l.exited:
		if exit.Status == runtimes.EnvironmentLost {
			return runtimes.ErrEnvironmentLost
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// runTrue has the agent run a program. That there is none is an answer as well.
func runTrue(ctx context.Context, env runtimes.Environment) error {
	l := newListener()
	if _, err := env.Start(ctx, runtimes.Command{Name: "true"}, l); err != nil {
		return err
	}
	return l.wait(ctx)
}

// runCell has a kernel run code.
func runCell(ctx context.Context, k *kernel.Kernel, code string) error {
	l := newListener()
	if _, err := k.Run(&kernel.Cell{Code: code}, l); err != nil {
		return err
	}
	if err := l.wait(ctx); err != nil {
		return err
	}
	if isClosed(k.Gone()) {
		return errors.New("the kernel has ended")
	}
	return nil
}
