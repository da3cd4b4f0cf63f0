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
// A nil Memory has no bound. Its methods are safe for concurrent use; as long
// as there is room a log costs it one atomic addition.
type Memory struct {
	limit     int64
	kept      atomic.Int64
	dropped   atomic.Int64
	forgotten atomic.Int64
	// exhausted: over the bound, and only readers can make room. Stale when
	// kept is within the bound.
	exhausted atomic.Bool

	mu    sync.Mutex // taken before that of a log
	lists [3]list.List
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

// NewMemory makes a Memory of so many bytes.
func NewMemory(limit int64) *Memory { return &Memory{limit: limit} }

// Usage returns the counts.
func (m *Memory) Usage() Usage {
	return Usage{Kept: m.kept.Load(), Dropped: m.dropped.Load(), Forgotten: m.forgotten.Load()}
}

// change tells that a log holds n more bytes.
func (m *Memory) change(n int64) {
	if m.kept.Add(n) <= m.limit && m.exhausted.Load() {
		m.exhausted.Store(false)
	}
}

// above reports whether more than so many bytes are held.
func (m *Memory) above(target int64) bool { return m != nil && m.kept.Load() > target }

// tight reports whether there is no room that others could make.
func (m *Memory) tight() bool { return m != nil && m.exhausted.Load() && m.above(m.limit) }

// wanting reports whether others have to make room.
func (m *Memory) wanting() bool { return m.above(m.bound()) && !m.exhausted.Load() }

func (m *Memory) bound() int64 {
	if m == nil {
		return 0
	}
	return m.limit
}

// spare is how much more than needed is made free where others pay for it, so
// that not every chunk needs to look for room.
func (m *Memory) spare() int64 { return m.limit / 16 }

// reclaim makes room for writer. No log is locked.
func (m *Memory) reclaim(writer *Log) {
	for _, owner := range m.reclaimFor(writer) {
		owner.Forgotten()
	}
}

func (m *Memory) reclaimFor(writer *Log) (forgotten []Owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.above(m.limit) {
		return nil // another has made room
	}
	target := m.limit - m.spare()
	m.shed(amongFinished, target)
	forgotten = m.forget(target)
	if m.above(m.limit) {
		writer.shed(m.limit)
	}
	if m.above(m.limit) {
		m.shed(amongRunning, target)
	}
	m.exhausted.Store(true)
	if !m.above(m.limit) { // looked at behind the store, as change does the other way round
		m.exhausted.Store(false)
	}
	return forgotten
}

// shed drops the chunks of the logs at a place until no more than target is
// held.
func (m *Memory) shed(at place, target int64) {
	for e := m.list(at).Front(); e != nil && m.above(target); {
		l := e.Value.(*Log)
		e = e.Next()
		l.shed(target)
		m.moveLocked(l)
	}
}

// forget gives up results until no more than target is held.
func (m *Memory) forget(target int64) (owners []Owner) {
	results := m.list(amongResults)
	for e := results.Front(); e != nil && m.above(target); {
		l := e.Value.(*Log)
		e = e.Next()
		if l.options.Owner == nil {
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
	if to == amongResults {
		m.exhausted.Store(false) // here is something to give up
	}
	l.place = to
}

func (m *Memory) list(at place) *list.List { return &m.lists[at-1] }
