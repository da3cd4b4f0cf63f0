package output

import (
	"container/list"
	"sync"
	"sync/atomic"
)

// Memory bounds what the logs of a server hold together. Above the bound goes,
// in this order, until there is room: the chunks of executions that are done,
// the oldest first; those executions as a whole, with their results; the
// chunks of running executions that no reader still needs. What goes is
// counted. When all that is left is waited for by readers, programs wait for
// them, and results are cut short.
//
// So the logs hold no more than the bound, and for each execution that holds
// its program back the window that was granted before (runtimes.Window).
//
// The logs of one key hold no more than its share, in the same way: what is above it
// goes from among them, and it is their programs that wait. When there is no room
// for all keys, what goes first is that of keys which hold more than if all that
// hold something held as much.
//
// A nil Memory has no bound. Its methods are safe for concurrent use; as long
// as there is room a log costs it two atomic additions.
type Memory struct {
	all       bound
	share     int64 // of a key; zero is any
	dropped   atomic.Int64
	forgotten atomic.Int64

	mu     sync.Mutex // taken before that of a log
	lists  [3]list.List
	shares map[string]*bound // by key
}

// bound is how much logs may hold, and do. The nil bound has no limit.
type bound struct {
	limit int64
	kept  atomic.Int64
	// exhausted: over the limit, and only readers can make room. Stale when
	// kept is within the limit.
	exhausted atomic.Bool
}

// place is the list of a Memory that a log is in.
type place uint8

// The places of a log.
const (
	nowhere place = iota // it holds nothing
	amongRunning
	amongFinished // done, and with chunks
	amongResults  // done, and with nothing but its result
)

// Usage is what a Memory has counted.
type Usage struct {
	Kept      int64 // bytes held: output, results, and chunkCost for each chunk
	Dropped   int64 // bytes of output dropped for want of room, since the start
	Forgotten int64 // executions forgotten for want of room, since the start
}

// NewMemory makes a Memory of so many bytes. share is how much of it the logs of one
// key may hold, as a part; zero is all.
func NewMemory(limit int64, share float64) *Memory {
	m := &Memory{all: bound{limit: limit}, shares: map[string]*bound{}}
	if share > 0 && share < 1 {
		m.share = int64(share * float64(limit))
	}
	return m
}

// of is the share of a key, nil for none: who has no key shares with nobody.
func (m *Memory) of(key string) *bound {
	if m == nil || m.share == 0 || key == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.shares[key]
	if b == nil {
		b = &bound{limit: m.share}
		m.shares[key] = b // for ever: there are as many as there were keys
	}
	return b
}

// Usage returns the counts.
func (m *Memory) Usage() Usage {
	return Usage{Kept: m.all.kept.Load(), Dropped: m.dropped.Load(), Forgotten: m.forgotten.Load()}
}

// whole is the bound of all logs.
func (m *Memory) whole() *bound {
	if m == nil {
		return nil
	}
	return &m.all
}

// change tells that a log holds n more bytes.
func (b *bound) change(n int64) {
	if b != nil && b.kept.Add(n) <= b.limit && b.exhausted.Load() {
		b.exhausted.Store(false)
	}
}

// above reports whether more than so many bytes are held.
func (b *bound) above(target int64) bool { return b != nil && b.kept.Load() > target }

// over reports whether more is held than may be.
func (b *bound) over() bool { return b != nil && b.kept.Load() > b.limit }

// tight reports whether there is no room that others could make.
func (b *bound) tight() bool { return b != nil && b.exhausted.Load() && b.over() }

// wanting reports whether others have to make room.
func (b *bound) wanting() bool { return b.over() && !b.exhausted.Load() }

// spare is how much more than needed is made free where others pay for it, so
// that not every chunk needs to look for room.
func (b *bound) spare() int64 { return b.limit / 16 }

// settle notes whether only readers can make room now.
func (b *bound) settle() {
	b.exhausted.Store(true)
	if !b.over() { // looked at behind the store, as change does the other way round
		b.exhausted.Store(false)
	}
}

// reclaim makes room for writer. No log is locked.
func (m *Memory) reclaim(writer *Log) {
	for _, owner := range m.reclaimFor(writer) {
		owner.Forgotten()
	}
}

func (m *Memory) reclaimFor(writer *Log) (forgotten []Owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if own := writer.share; own.over() {
		forgotten = m.makeRoom(writer, own, own)
		own.settle()
	}
	if !m.all.over() {
		return forgotten // or another has made room
	}
	for _, large := range m.largest() {
		forgotten = append(forgotten, m.makeRoom(nil, large, &m.all)...)
	}
	if m.all.over() {
		forgotten = append(forgotten, m.makeRoom(writer, nil, &m.all)...)
	}
	m.all.settle()
	return forgotten
}

// largest are the shares that hold more than if all that hold something held as
// much; none where they are the only one.
func (m *Memory) largest() (large []*bound) {
	holding := int64(0)
	for _, b := range m.shares {
		if b.above(0) {
			holding++
		}
	}
	for _, b := range m.shares {
		if holding > 1 && b.above((m.all.limit-m.all.spare())/holding) {
			large = append(large, b)
		}
	}
	return large
}

// makeRoom gives up what logs hold, those of a share or with nil all, until within
// is within its limit again, and a little more.
func (m *Memory) makeRoom(writer *Log, of, within *bound) (forgotten []Owner) {
	target := within.limit - within.spare()
	m.shed(amongFinished, of, within, target)
	forgotten = m.forget(of, within, target)
	if writer != nil && within.over() {
		writer.shed(within, within.limit)
	}
	if within.over() {
		m.shed(amongRunning, of, within, target)
	}
	return forgotten
}

// shed drops the chunks of the logs at a place until within holds no more than
// target.
func (m *Memory) shed(at place, of, within *bound, target int64) {
	for e := m.list(at).Front(); e != nil && within.above(target); {
		l := e.Value.(*Log)
		e = e.Next()
		if of == nil || l.share == of {
			l.shed(within, target)
			m.moveLocked(l)
		}
	}
}

// forget gives up results until within holds no more than target.
func (m *Memory) forget(of, within *bound, target int64) (owners []Owner) {
	results := m.list(amongResults)
	for e := results.Front(); e != nil && within.above(target); {
		l := e.Value.(*Log)
		e = e.Next()
		if l.options.Owner == nil || of != nil && l.share != of {
			continue
		}
		l.release()
		m.moveLocked(l)
		m.forgotten.Add(1)
		owners = append(owners, l.options.Owner)
	}
	return owners
}

// move puts a log where it belongs now.
func (m *Memory) move(l *Log) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.moveLocked(l)
}

func (m *Memory) moveLocked(l *Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := l.placeLocked()
	if to == l.place {
		return
	}
	if l.place != nowhere {
		m.list(l.place).Remove(l.element)
		l.element = nil
	}
	if to != nowhere {
		l.element = m.list(to).PushBack(l)
	}
	if to == amongResults { // here is something to give up
		m.all.exhausted.Store(false)
		if l.share != nil {
			l.share.exhausted.Store(false)
		}
	}
	l.place = to
}

func (m *Memory) list(at place) *list.List { return &m.lists[at-1] }
