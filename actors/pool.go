package actors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/kernel"
)

// How a pool treats what is ready.
const (
	// poolAge is how old a ready environment becomes.
	poolAge = 30 * time.Minute
	// shrinkAfter is how long more than the target may be ready before one is
	// given up, and shrinkEvery how long until the next.
	shrinkAfter = time.Minute
	shrinkEvery = 30 * time.Second
	// fillAttempts is how often in a row a fill may fail before the pool pauses,
	// for firstBackoff and then twice as long each time up to lastBackoff.
	fillAttempts = 3
	firstBackoff = time.Second
	lastBackoff  = time.Minute
)

// pooled is an environment that waits for a session. It belongs to its pool until a
// claim is given it.
type pooled struct {
	environment runtimes.Environment
	kernel      *kernel.Kernel  // nil where the language has none
	name        string          // of its Spec
	inForce     runtimes.Limits // when its kernel was started
	memory      int64
	born        time.Time
	home        *home
	stats       *poolStats
	taken       chan struct{} // closed when it is no longer the pool's

	dead     atomic.Bool // it was lost
	checking bool        // a check is under way; of the pool's actor
	checked  time.Time
}

// usable reports whether a session can have it.
func (r *pooled) usable() bool {
	return !r.dead.Load() && !r.checking && (r.kernel == nil || !isClosed(r.kernel.Gone()))
}

// home is where what becomes a pool's is put, by whoever made it or gives it back. It
// is closed with the pool's actor.
type home struct {
	mu     sync.Mutex
	closed bool
	ready  []*pooled
	pid    *actor.PID // of the pool, set when it starts
}

// put leaves r for the pool, and tells whom to tell. Nil: there is none any more.
func (h *home) put(r *pooled) *actor.PID {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	r.home = h
	h.ready = append(h.ready, r)
	r.stats.hold(1, r.memory)
	return h.pid
}

// take is what was put.
func (h *home) take(last bool) []*pooled {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.ready
	h.ready, h.closed = nil, h.closed || last
	return all
}

// Messages to a pool. Those of a claim are in poolclaim.go.
type (
	// fillNow allows one fill.
	fillNow struct{ quiet }
	// filled ends it; what came of it is in the home.
	filled struct {
		quiet
		fill *fill
		took time.Duration
		err  error
	}
	// returned: something was put into the home.
	returned struct{ quiet }
	died     struct {
		quiet
		ready *pooled
	}
	checked struct {
		quiet
		ready *pooled
		why   discard // zero: it is well
	}
	// poolTick comes every CheckInterval.
	poolTick struct {
		quiet
		size PoolSize
	}
	// fillAgain ends a pause after failures.
	fillAgain struct{ quiet }
	// giveUp makes the pool smaller, whatever its target.
	giveUp struct {
		quiet
		count int
	}
)

// pool is the actor that keeps environments of one kind ready. What is slow runs
// outside of it.
type pool struct {
	system *System
	stats  *poolStats
	size   PoolSize
	self   *actor.PID
	home   *home

	ready    []*pooled // oldest first
	filling  map[*fill]struct{}
	demand   demand
	wanting  bool // the pools know that it wants a fill
	failures int  // in a row
	paused   bool
	pause    *time.Timer
	above    time.Time // since when more than the target are ready
	gaveUp   time.Time
}

// Receive handles one message. It never blocks.
func (p *pool) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		p.self = ctx.Self()
		p.home = &home{pid: p.self}
		p.adjust()
	case *claim:
		p.claim(m)
	case *fillNow:
		p.fill()
	case *filled:
		p.filled(m)
	case *returned:
		p.welcome()
		p.adjust()
	case *died:
		p.remove(m.ready, discardLost)
		p.adjust()
	case *checked:
		p.checked(m)
	case *poolTick:
		p.size = m.size
		p.tick()
	case *fillAgain:
		p.paused = false
		p.adjust()
	case *giveUp:
		for range min(m.count, len(p.ready)) {
			p.remove(p.ready[0], discardMemory)
		}
	case *actor.Stopping, *actor.Restarting:
		p.stop()
	}
}

// claim gives a ready environment to a session, or says that there is none.
func (p *pool) claim(c *claim) {
	p.demand.note(time.Now())
	p.welcome()
	why := missEmpty
	for _, r := range slices.Clone(p.ready) {
		if r.checking {
			why = missChecked
			continue
		}
		if !r.usable() {
			p.remove(r, discardLost)
			continue
		}
		if c.give(r) {
			p.forget(r)
			close(r.taken)
		}
		why = 0
		break
	}
	if why != 0 && c.decline() {
		p.stats.misses[why].Add(1)
	}
	c.answered(p.system)
	p.adjust()
}

// forget lets go of r, which is somebody else's now.
func (p *pool) forget(r *pooled) {
	if at := slices.Index(p.ready, r); at >= 0 {
		p.ready = slices.Delete(p.ready, at, at+1)
		p.stats.hold(-1, -r.memory)
		p.system.poolWork.Done()
	}
}

// remove gives up r, if it is here.
func (p *pool) remove(r *pooled, why discard) {
	at := slices.Index(p.ready, r)
	if at < 0 {
		return
	}
	p.ready = slices.Delete(p.ready, at, at+1)
	p.stats.hold(-1, -r.memory)
	p.system.discard(r, why)
}

// welcome takes up what was put into the home.
func (p *pool) welcome() {
	for _, r := range p.home.take(false) {
		p.ready = append(p.ready, r)
		p.watch(r)
	}
}

// watch has the pool told when a ready environment is lost.
func (p *pool) watch(r *pooled) {
	system, self := p.system, p.self
	tell := func() {
		r.dead.Store(true)
		system.root.Send(self, &died{ready: r})
	}
	if n, ok := r.environment.(LossNotifier); ok {
		n.NotifyLost(tell)
		return
	}
	taken, lost := r.taken, r.environment.Lost()
	go func() {
		select {
		case <-lost:
			tell()
		case <-taken:
		}
	}()
}

// adjust sets the target and asks for a fill where that is not reached.
func (p *pool) adjust() {
	now := time.Now()
	target := p.demand.target(now, p.size)
	p.stats.target.Store(int64(target))
	if len(p.ready) <= target {
		p.above = time.Time{}
	} else if p.above.IsZero() {
		p.above = now
	}
	wants := len(p.ready)+len(p.filling) < target && !p.paused
	if wants != p.wanting {
		p.wanting = wants
		p.system.root.Send(p.system.pools, &want{stats: p.stats, wants: wants})
	}
}

// filled ends a fill.
func (p *pool) filled(m *filled) {
	delete(p.filling, m.fill)
	p.welcome()
	switch {
	case m.err == nil:
		p.failures = 0
		p.demand.filled(m.took)
		p.stats.failing.Store(nil)
	case errors.Is(m.err, errPoolStopped):
	default:
		p.failed(m.err)
	}
	p.adjust()
}

// failed pauses after failures in a row.
func (p *pool) failed(err error) {
	p.failures++
	p.system.options.Logger.Warn("a pool could not make an environment ready", "pool", p.stats.key.String(),
		"failures", p.failures, "error", err)
	if p.failures < fillAttempts {
		return
	}
	pause := lastBackoff
	if doubled := p.failures - fillAttempts; doubled < 6 {
		pause = min(lastBackoff, firstBackoff<<doubled)
	}
	why := err.Error()
	var named *runtimes.EnvironmentError
	if errors.As(err, &named) {
		why = named.Reason
	}
	why = fmt.Sprintf("%d fills in a row have failed; the next is tried after %v: %s", p.failures, pause, why)
	p.stats.failing.Store(&why)
	p.paused = true
	system, self := p.system, p.self
	p.pause = time.AfterFunc(pause, func() { system.root.Send(self, &fillAgain{}) })
}

// tick gives up what is too old or too much, and checks the rest.
func (p *pool) tick() {
	p.welcome()
	now := time.Now()
	for _, r := range slices.Clone(p.ready) {
		switch {
		case r.checking:
		case !r.usable():
			p.remove(r, discardLost)
		case now.Sub(r.born) >= poolAge:
			p.remove(r, discardOld)
		}
	}
	p.adjust()
	if !p.above.IsZero() && now.Sub(p.above) >= shrinkAfter && now.Sub(p.gaveUp) >= shrinkEvery {
		for _, r := range p.ready {
			if !r.checking {
				p.gaveUp = now
				p.remove(r, discardShrunk)
				break
			}
		}
		p.adjust()
	}
	p.check()
}

// check begins the check of the one that was not checked for longest, unless one is
// under way.
func (p *pool) check() {
	var next *pooled
	for _, r := range p.ready {
		if r.checking {
			return
		}
		if next == nil || r.checked.Before(next.checked) {
			next = r
		}
	}
	if next == nil || time.Since(next.checked) < p.system.options.Pools.CheckInterval {
		return
	}
	next.checking = true
	system, self, key := p.system, p.self, p.stats.key
	system.dispatcher.Schedule(func() {
		why := system.check(key, next)
		system.root.Send(self, &checked{ready: next, why: why})
	})
}

func (p *pool) checked(m *checked) {
	m.ready.checking, m.ready.checked = false, time.Now()
	if m.why != 0 {
		p.remove(m.ready, m.why)
		if m.why == discardStale { // all of them were made of the same
			for _, r := range slices.Clone(p.ready) {
				if r.born.Before(m.ready.checked) {
					p.remove(r, discardStale)
				}
			}
		}
		p.adjust()
	}
	p.check()
}

// stop gives everything up.
func (p *pool) stop() {
	if p.pause != nil {
		p.pause.Stop()
	}
	for f := range p.filling {
		f.cancel(errPoolStopped)
	}
	for _, r := range p.home.take(true) {
		p.stats.hold(-1, -r.memory)
		p.system.discard(r, discardStopped)
	}
	for _, r := range slices.Clone(p.ready) {
		p.remove(r, discardStopped)
	}
	p.stats.target.Store(0)
}

var errPoolStopped = errors.New("the pool is stopped")

// poolKey is what the environments of a pool have in common.
type poolKey struct {
	runtime  runtimes.Type
	language runtimes.Language
	image    string // "" is the language's
}

// String is the name of its actor.
func (k poolKey) String() string {
	name := strings.ToLower("pool/" + k.runtime.String() + "/" + k.language.String())
	if k.image != "" {
		name += "/" + k.image
	}
	return name
}

// miss is why a session was not given a ready environment.
type miss uint8

const (
	missEmpty miss = iota + 1
	missChecked
	missLate
	missNetwork
	missIsolation
	missLimits
	missFailed
	missCount
)

var missNames = [missCount]string{"", "empty", "checked", "late", "network", "isolation", "limits", "failed"}

// discard is why an environment was given up that was ready.
type discard uint8

const (
	discardLost discard = iota + 1
	discardHung
	discardOld
	discardStale
	discardShrunk
	discardMemory
	discardFailed
	discardStopped
	discardCount
)

var discardNames = [discardCount]string{"", "lost", "hung", "old", "stale", "shrunk", "memory", "failed", "stopped"}

// poolStats is what is told of a pool. It outlives the pool's actor.
type poolStats struct {
	key          poolKey
	warm, target atomic.Int64
	memory       atomic.Int64
	hits         atomic.Int64
	misses       [missCount]atomic.Int64
	discards     [discardCount]atomic.Int64
	failing      atomic.Pointer[string] // why fills fail
	waits        atomic.Pointer[string] // why none is allowed
	total        *atomic.Int64          // memory of all pools
}

// hold notes what the pool has more.
func (s *poolStats) hold(count int, memory int64) {
	s.warm.Add(int64(count))
	s.memory.Add(memory)
	s.total.Add(memory)
}

// reason says why less may be ready than is aimed at, "" where nothing is wrong.
func (s *poolStats) reason() string {
	for _, of := range []*atomic.Pointer[string]{&s.failing, &s.waits} {
		if text := of.Load(); text != nil {
			return *text
		}
	}
	return ""
}

// PoolInfo describes a pool.
type PoolInfo struct {
	Runtime      runtimes.Type
	Language     runtimes.Language
	Image        string // "" is the language's
	Warm, Target int
	// Hits and Misses are the creates that were and were not given a ready
	// environment; Misses by why: "empty", "checked", "late", "network", "isolation",
	// "limits", "failed".
	Hits   int64
	Misses map[string]int64
	// Discarded are the environments that were given up, by why: "lost", "hung", "old",
	// "stale", "shrunk", "memory", "failed", "stopped".
	Discarded   map[string]int64
	MemoryBytes int64
	// Reason says in a sentence why less than Target may be ready; "" nothing is
	// wrong.
	Reason string
}

func (s *poolStats) info() PoolInfo {
	i := PoolInfo{
		Runtime: s.key.runtime, Language: s.key.language, Image: s.key.image,
		Warm: int(s.warm.Load()), Target: int(s.target.Load()), Hits: s.hits.Load(), MemoryBytes: s.memory.Load(),
		Misses: map[string]int64{}, Discarded: map[string]int64{},
	}
	for why := range s.misses {
		if n := s.misses[why].Load(); n > 0 {
			i.Misses[missNames[why]] = n
		}
	}
	for why := range s.discards {
		if n := s.discards[why].Load(); n > 0 {
			i.Discarded[discardNames[why]] = n
		}
	}
	if i.Warm < i.Target {
		i.Reason = s.reason()
	}
	return i
}
