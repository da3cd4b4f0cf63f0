package actors

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/runtimes"
)

// PoolOptions say how environments are kept ready before a session asks for one.
type PoolOptions struct {
	// Limits are those that they are made with: of a session that asks for none.
	Limits runtimes.Limits
	// MemoryBytes bounds what they occupy together. Zero means DefaultPoolMemoryBytes.
	MemoryBytes int64
	// Sizes are those of languages that differ from the defaults, which are
	// DefaultPoolMin for Python, JavaScript and TypeScript, zero for others, and
	// DefaultPoolMax.
	Sizes map[runtimes.Language]PoolSize
	// Memory tells how much memory the machine has left, and in all. Nil: it is not
	// asked. It must not block.
	Memory func() (available, total int64)
	// CheckInterval is how often each ready environment is checked. Zero means
	// DefaultCheckInterval.
	CheckInterval time.Duration
}

const (
	// DefaultPoolMemoryBytes is what ready environments may occupy together.
	DefaultPoolMemoryBytes = 512 << 20
	// DefaultCheckInterval is how often each of them is checked.
	DefaultCheckInterval = 10 * time.Second
	// maxPools bounds the pools: clients choose images.
	maxPools = 64
)

// When a pool may be filled.
const (
	// fillPause follows each claim, and lasts until the first command of the newest
	// session has been answered, up to fillPauseMost.
	fillPause     = 50 * time.Millisecond
	fillPauseMost = 300 * time.Millisecond
	// fillPatience is how long claims may put a fill off.
	fillPatience = time.Second
	// memoryLeft is the part of the machine's memory below which what is left makes
	// pools smaller.
	memoryLeft = 0.15
	// lookEvery is how long a look at the machine's memory holds.
	lookEvery = time.Second
)

func (o *PoolOptions) withDefaults() *PoolOptions {
	if o == nil {
		return nil
	}
	all := *o
	if all.MemoryBytes <= 0 {
		all.MemoryBytes = DefaultPoolMemoryBytes
	}
	if all.CheckInterval <= 0 {
		all.CheckInterval = DefaultCheckInterval
	}
	return &all
}

// Messages to the pools.
type (
	// want tells that a pool wants a fill, or no longer.
	want struct {
		quiet
		stats *poolStats
		wants bool
	}
	// fillDone gives back what fillNow allowed.
	fillDone struct {
		quiet
		stats *poolStats
	}
	// firstAnswer tells that the first command of a session has been answered.
	firstAnswer struct {
		quiet
		session string
	}
	// release asks for memory that sessions are to have.
	release struct {
		quiet
		bytes int64
	}
	poolsTick struct{ quiet }
	fillDue   struct{ quiet }
)

// pools is the actor above the pools: it finds the one for a claim, and decides which
// may be filled when. The value outlives a restart of its actor.
type pools struct {
	system  *System
	options *PoolOptions
	members map[poolKey]*member

	waiting []*member // that want a fill, in order
	filling int
	slots   int   // for fills at once
	left    int64 // of the machine's memory, as of looked
	all     int64
	looked  time.Time
	newest  string
	claimed time.Time // when a claim came
	paused  time.Time // no fill before
	due     *time.Timer
	ticker  *time.Timer
}

// member is one of the pools.
type member struct {
	stats   *poolStats
	pid     *actor.PID
	granted int // fills
	since   time.Time
	claimed time.Time
}

func newPools(s *System) *pools {
	return &pools{system: s, options: s.options.Pools, slots: max(1, runtime.GOMAXPROCS(0)/2)}
}

// Receive handles one message.
func (p *pools) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		p.members, p.waiting, p.filling = map[poolKey]*member{}, nil, 0
		p.tick(ctx)
	case *claim:
		p.claim(ctx, m)
	case *want:
		p.want(m)
	case *fillDone:
		if of := p.members[m.stats.key]; of != nil && of.granted > 0 {
			of.granted--
			p.filling--
		}
		p.grant()
	case *firstAnswer:
		if m.session == p.newest {
			p.newest = ""
			if until := p.claimed.Add(fillPause); until.Before(p.paused) {
				p.paused = until
			}
			p.grant()
		}
	case *fillDue:
		p.grant()
	case *poolsTick:
		p.tick(ctx)
	case *release:
		p.release(m.bytes)
	case *actor.Terminated:
		p.ended(ctx, m.Who)
	case *actor.Stopping, *actor.Restarting:
		p.members = nil
		for _, t := range []*time.Timer{p.due, p.ticker} {
			if t != nil {
				t.Stop()
			}
		}
	}
}

// claim passes a claim on to its pool.
func (p *pools) claim(ctx actor.Context, c *claim) {
	now := time.Now()
	p.claimed, p.newest, p.paused = now, c.session, now.Add(fillPauseMost)
	of := p.open(ctx, c.key)
	if of == nil {
		c.decline()
		c.answered(p.system)
		return
	}
	of.claimed = now
	ctx.Send(of.pid, c)
}

// open is the pool of a key, nil where there are too many.
func (p *pools) open(ctx actor.Context, key poolKey) *member {
	if of := p.members[key]; of != nil {
		return of
	}
	if len(p.members) >= maxPools {
		return nil
	}
	of := &member{stats: p.system.statsOf(key)}
	p.members[key] = of
	p.start(ctx, of)
	return of
}

// start starts the actor of a pool.
func (p *pools) start(ctx actor.Context, of *member) {
	of.pid = p.system.spawnPools.spawn(ctx, &pool{
		system: p.system, stats: of.stats, size: p.sizeOf(of.stats.key), filling: map[*fill]struct{}{},
	}, of.stats.key.String())
}

// ended starts a pool anew whose actor has ended, which only a defect does.
func (p *pools) ended(ctx actor.Context, who *actor.PID) {
	for _, of := range p.members {
		if of.pid.Equal(who) {
			p.filling -= of.granted
			of.granted = 0
			p.forget(of)
			p.start(ctx, of)
			p.grant()
			return
		}
	}
}

// sizeOf is what the operator wants of a pool.
func (p *pools) sizeOf(key poolKey) PoolSize {
	size, ok := p.options.Sizes[key.language]
	if !ok {
		size = DefaultPoolSize(key.language)
	}
	if chosen := p.system.options.Registry.Select(key.language, runtimes.Balanced); key.image != "" || chosen == nil || chosen.Type() != key.runtime {
		size.Min = 0
	}
	if offer := p.system.options.Registry.Offer(key.runtime); !offer.Availability.Serves(key.language) {
		size.Max, size.Min = 0, 0
	}
	return size
}

// tick opens the pools that have a minimum, sees to memory, and lets each pool see to
// what it has.
func (p *pools) tick(ctx actor.Context) {
	for _, l := range runtimes.Languages() {
		chosen := p.system.options.Registry.Select(l, runtimes.Balanced)
		if chosen == nil {
			continue
		}
		if key := (poolKey{chosen.Type(), l, ""}); p.members[key] == nil && p.sizeOf(key).Min > 0 {
			p.open(ctx, key)
		}
	}
	if p.short() {
		p.release(1) // the one of the largest
	}
	for _, of := range p.members {
		ctx.Send(of.pid, &poolTick{size: p.sizeOf(of.stats.key)})
	}
	system := p.system
	p.ticker = time.AfterFunc(p.options.CheckInterval, func() { system.root.Send(system.pools, &poolsTick{}) })
	p.grant()
}

// short reports whether the machine has little memory left.
func (p *pools) short() bool {
	if p.options.Memory == nil {
		return false
	}
	if now := time.Now(); now.Sub(p.looked) >= lookEvery {
		p.looked = now
		p.left, p.all = p.options.Memory()
	}
	return float64(p.left) < memoryLeft*float64(p.all)
}

// want notes what a pool wants.
func (p *pools) want(m *want) {
	of := p.members[m.stats.key]
	if of == nil || of.stats != m.stats {
		return
	}
	p.forget(of)
	if m.wants {
		of.since = time.Now()
		p.waiting = append(p.waiting, of)
	}
	p.grant()
}

func (p *pools) forget(of *member) {
	p.waiting = slices.DeleteFunc(p.waiting, func(other *member) bool { return other == of })
}

// grant allows the fills that may begin now.
func (p *pools) grant() {
	now := time.Now()
	for i := 0; i < len(p.waiting) && p.filling < p.slots; {
		of := p.waiting[i]
		if now.Before(p.paused) && now.Sub(of.since) < fillPatience {
			p.later(min(p.paused.Sub(now), fillPatience-now.Sub(of.since)))
			return
		}
		if why := p.refuse(of); why != "" { // until the next tick
			of.stats.waits.Store(&why)
			i++
			continue
		}
		// The pool says anew whether it wants more.
		p.waiting = append(slices.Delete(p.waiting, i, i+1), of)
		of.stats.waits.Store(nil)
		of.since = now
		of.granted++
		p.filling++
		p.system.root.Send(of.pid, &fillNow{})
	}
}

// refuse says in a sentence why a pool may not be filled, "" where it may.
func (p *pools) refuse(of *member) string {
	expected := p.expected(of)
	for _, other := range p.members {
		expected += int64(other.granted) * p.expected(other)
	}
	expected += p.system.poolMemory.Load()
	switch o := &p.system.options; {
	case expected > p.options.MemoryBytes:
		return fmt.Sprintf("ready environments may occupy %d MB together: the operator may allow more (--pool-memory)", p.options.MemoryBytes>>20)
	case o.HostMemoryBytes > 0 && p.system.promised.Load()+expected > o.HostMemoryBytes:
		return "the sessions that live have the memory that this server gives away (--host-memory-share)"
	case p.short():
		return fmt.Sprintf("less than %d %% of the machine's memory is left", int(memoryLeft*100))
	}
	return ""
}

// expected is what an environment of a pool will occupy.
func (p *pools) expected(of *member) int64 {
	if n := of.stats.warm.Load(); n > 0 {
		return of.stats.memory.Load() / n
	}
	return assumedMemory
}

// later looks again after d.
func (p *pools) later(d time.Duration) {
	if p.due != nil {
		p.due.Stop()
	}
	system := p.system
	p.due = time.AfterFunc(max(d, time.Millisecond), func() { system.root.Send(system.pools, &fillDue{}) })
}

// release makes pools smaller until so much memory is free, the largest first.
func (p *pools) release(bytes int64) {
	all := make([]*member, 0, len(p.members))
	for _, of := range p.members {
		all = append(all, of)
	}
	slices.SortFunc(all, func(a, b *member) int {
		return cmp.Or(cmp.Compare(b.stats.memory.Load(), a.stats.memory.Load()), cmp.Compare(a.stats.key.String(), b.stats.key.String()))
	})
	for _, of := range all {
		warm := of.stats.warm.Load()
		if bytes <= 0 || warm == 0 {
			return
		}
		each := max(of.stats.memory.Load()/warm, 1)
		count := min((bytes+each-1)/each, warm)
		bytes -= count * each
		p.system.root.Send(of.pid, &giveUp{count: int(count)})
	}
}

// statsOf are the figures of a pool, made at the first time.
func (s *System) statsOf(key poolKey) *poolStats {
	if stats := s.poolOf(key); stats != nil {
		return stats
	}
	stats := &poolStats{key: key, total: &s.poolMemory}
	var next []*poolStats
	if now := s.poolTable.Load(); now != nil {
		next = slices.Clone(*now)
	}
	next = append(next, stats)
	slices.SortFunc(next, func(a, b *poolStats) int {
		return cmp.Or(cmp.Compare(a.key.runtime, b.key.runtime), cmp.Compare(a.key.language, b.key.language), cmp.Compare(a.key.image, b.key.image))
	})
	s.poolTable.Store(&next)
	return stats
}

// poolOf are the figures of a pool, nil where there is none. It waits for nobody.
func (s *System) poolOf(key poolKey) *poolStats {
	all := s.poolTable.Load()
	if all == nil {
		return nil
	}
	for _, stats := range *all {
		if stats.key == key {
			return stats
		}
	}
	return nil
}

// Pools describes the pools there are, by runtime, language and image. It waits for
// nobody.
func (s *System) Pools() []PoolInfo {
	all := s.poolTable.Load()
	if all == nil {
		return nil
	}
	infos := make([]PoolInfo, len(*all))
	for i, stats := range *all {
		infos[i] = stats.info()
	}
	return infos
}

// Filling reports whether an environment is being made for a pool.
func (s *System) Filling() bool { return s.filling.Load() > 0 }

// startPools starts the actor above the pools, where there are to be any.
func (s *System) startPools() {
	s.options.Pools = s.options.Pools.withDefaults()
	if s.options.Pools == nil {
		s.stopPools = func() *actor.Future { return nil }
		return
	}
	s.stopPools = sync.OnceValue(func() *actor.Future { return s.root.StopFuture(s.pools) })
	s.spawnPools = newSpawner(actor.WithDispatcher(s.dispatcher), actor.WithMailbox(newMailbox))
	pools := newPools(s)
	spawned := make(chan struct{})
	s.pools = s.root.Spawn(actor.PropsFromProducer(func() actor.Actor { return &poolsStart{pools, spawned} },
		actor.WithDispatcher(s.dispatcher), actor.WithMailbox(newMailbox), actor.WithSupervisor(stopOnPanic)))
	close(spawned)
}

// poolsStart holds the pools back until the system knows them.
type poolsStart struct {
	pools   *pools
	spawned <-chan struct{}
}

// Receive hands over.
func (p *poolsStart) Receive(ctx actor.Context) {
	<-p.spawned
	p.pools.Receive(ctx)
}

// awaitPools waits until nothing is left of what the pools had.
func (s *System) awaitPools() {
	if stopped := s.stopPools(); stopped != nil {
		_ = stopped.Wait()
	}
	s.poolWork.Wait()
}
