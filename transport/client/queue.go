package client

import (
	"sync"

	"github.com/codebeaker/codebeaker/transport/protocol"
)

// queue is the output of an execution between the connection that brings it
// and its reader. It knows which chunk is due, so that what comes twice is
// dropped and what does not come is counted.
type queue struct {
	limit int           // bytes
	ready chan struct{} // holds a token when there may be something to read
	room  chan struct{} // holds a token when a push may go on

	mu      sync.Mutex
	items   []item
	bytes   int   // in items
	lost    gap   // before items
	due     int64 // seq of the next chunk
	offsets map[string]int64
	claimed bool // by a reader
	waiting int  // Waits
	err     error
}

func newQueue(limit int) *queue {
	return &queue{
		limit: limit, ready: make(chan struct{}, 1), room: make(chan struct{}, 1),
		offsets: map[string]int64{Stdout: 0, Stderr: 0, Terminal: 0},
	}
}

// from makes the queue begin at a chunk whose offsets are not known.
func (q *queue) from(seq int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.due = seq; seq > 0 {
		q.offsets = make(map[string]int64)
	}
}

// nextSeq is the seq of the chunk that is due.
func (q *queue) nextSeq() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.due
}

// push takes a chunk and waits until there is room for more, or stop is closed.
func (q *queue) push(o Output, stop <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o.Seq < q.due {
		return // it came over an earlier connection
	}
	q.passLocked(o.Seq, o.Stream, o.Offset)
	q.due = o.Seq + 1
	if o.Display == nil {
		q.offsets[o.Stream] = o.Offset + int64(len(o.Data))
	}
	q.items = append(q.items, item{Output: o})
	q.bytes += o.size()
	token(q.ready)
	for q.bytes > q.limit {
		if q.waiting > 0 && !q.claimed {
			q.dropOldestLocked()
			continue
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-stop:
		}
		q.mu.Lock()
		select {
		case <-stop:
			return
		default:
		}
	}
}

// passLocked notes that what is due before that chunk of that stream will not
// come.
func (q *queue) passLocked(seq int64, stream string, offset int64) {
	g := gap{chunks: seq - q.due}
	if at, ok := q.offsets[stream]; ok && offset > at {
		g.add(stream, offset-at)
		g.chunks = max(g.chunks, 1)
	}
	q.missLocked(g)
}

func (q *queue) missLocked(g gap) {
	if g.chunks <= 0 {
		return
	}
	if n := len(q.items); n > 0 && q.items[n-1].gap.chunks > 0 {
		q.items[n-1].gap.merge(g)
		return
	}
	q.items = append(q.items, item{gap: g})
	token(q.ready)
}

// attached takes the answer to an execution.attach: what is no longer kept will
// not come. oldest: that is where it was to begin.
func (q *queue) attached(s *protocol.ExecutionSnapshot, oldest bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.FirstSeq <= q.due && !oldest {
		return
	}
	g := gap{chunks: s.FirstSeq - q.due}
	for stream, dropped := range map[string]int64{
		Stdout: s.DroppedBytes.Stdout, Stderr: s.DroppedBytes.Stderr, Terminal: s.DroppedBytes.PTY,
	} {
		if at, ok := q.offsets[stream]; ok {
			g.add(stream, max(dropped-at, 0))
		}
		q.offsets[stream] = max(q.offsets[stream], dropped)
	}
	q.due = s.FirstSeq
	if !oldest {
		q.missLocked(g)
	}
}

func (q *queue) dropOldestLocked() {
	it := q.items[0]
	q.items[0] = item{}
	q.items = q.items[1:]
	q.bytes -= it.size()
	if it.gap.chunks == 0 {
		it.gap.chunks = 1
		if it.Display == nil {
			it.gap.add(it.Stream, int64(len(it.Data)))
		}
	}
	q.lost.merge(it.gap)
}

// next waits for what a reader gets next. False: it is the end.
func (q *queue) next(done <-chan struct{}) (item, bool) {
	for {
		if it, ok := q.pop(); ok {
			return it, true
		}
		select {
		case <-q.ready:
			continue
		case <-done:
		}
		// What was pushed before the end is there by now.
		if it, ok := q.pop(); ok {
			return it, true
		}
		return q.last()
	}
}

func (q *queue) pop() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost.chunks > 0 {
		it := item{gap: q.lost}
		q.lost = gap{}
		return it, true
	}
	if len(q.items) == 0 {
		return item{}, false
	}
	it := q.items[0]
	q.items[0] = item{}
	q.items = q.items[1:]
	if q.bytes -= it.size(); q.bytes <= q.limit {
		token(q.room)
	}
	return it, true
}

// last is the error at the end, once.
func (q *queue) last() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := item{err: q.err}
	q.err = nil
	return it, it.err != nil
}

// finish says how the output ends. It precedes the closing of done.
func (q *queue) finish(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
}

func (q *queue) claim(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.claimed = on
	token(q.room)
}

// wait counts the callers of Wait: while there are some and no reader, the
// oldest output makes room.
func (q *queue) wait(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting += n
	token(q.room)
}

// token leaves a token, unless there is one.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
