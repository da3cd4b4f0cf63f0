package websocket

import "github.com/gobwas/ws"

// Source has messages of its own to send, in its own order, and keeps them
// until they are pulled: the ring of an execution.
type Source interface {
	// Pull appends messages that are ready, about dst.Room() bytes of them, at
	// least one when there is one, and reports whether more are ready now. It
	// is called by the flusher, never twice at a time, under a lock of the
	// connection: it does not block and calls nothing of the connection but
	// Feed.Wake. After it reported false it is called again after a Wake.
	Pull(dst *Frames) (more bool)
}

// Frames takes the messages of a Pull.
type Frames struct {
	b      []byte
	limit  int
	server bool
	bound  *bound
	c      *Conn
}

// Room is how many more bytes are wanted. It is 0 or more.
func (f *Frames) Room() int { return max(f.limit-len(f.b), 0) }

// Text adds one text message, which encode appends to dst; none when it appends
// nothing.
func (f *Frames) Text(encode func(dst []byte) []byte) {
	start := len(f.b)
	f.b = appendFrame(f.b, ws.OpText, !f.server, f.bound, encode)
	if len(f.b)-start == emptyFrame(f.server) {
		f.b = f.b[:start]
	}
}

// Message adds one message behind those before, and ends the pull. It must be no
// larger than Conn.Room.
func (f *Frames) Message(m Message) {
	if !f.server {
		f.Text(func(dst []byte) []byte {
			for end := len(dst) + m.Size(); len(dst) < end; {
				dst = m.Append(dst, end)
			}
			return dst
		})
		m.Release()
		return
	}
	f.c.pushLocked(outgoing{m: m})
	f.limit = 0
}

// Feed is a Source on a connection.
type Feed struct {
	c   *Conn
	src Source

	// Guarded by c.readyMu.
	next     *Feed
	queued   bool
	detached bool
}

// Attach adds a source to the connection; it is pulled after its first Wake.
func (c *Conn) Attach(src Source) *Feed { return &Feed{c: c, src: src} }

// Wake says that the source has something. It never blocks, may be called from
// anywhere, with any lock held, from Pull too, and costs little when the feed is
// awake already.
func (f *Feed) Wake() {
	c := f.c
	c.readyMu.Lock()
	fresh := !f.queued && !f.detached
	if fresh {
		c.ready.push(f)
	}
	c.readyMu.Unlock()
	if fresh {
		c.kick()
	}
}

// Detach ends the feed. A Pull that is under way may still finish; what it
// added goes out before any message that is queued after Detach returned.
func (f *Feed) Detach() {
	f.c.readyMu.Lock()
	f.detached = true
	f.c.readyMu.Unlock()
}

// feedQueue is the feeds that are awake, first in, first out.
type feedQueue struct{ first, last *Feed }

func (q *feedQueue) push(f *Feed) {
	f.queued, f.next = true, nil
	if q.last == nil {
		q.first = f
	} else {
		q.last.next = f
	}
	q.last = f
}

// pop returns nil when the queue is empty.
func (q *feedQueue) pop() *Feed {
	f := q.first
	if f == nil {
		return nil
	}
	if q.first = f.next; q.first == nil {
		q.last = nil
	}
	f.queued, f.next = false, nil
	return f
}

// popReady takes the next feed that is awake and attached.
func (c *Conn) popReady() *Feed {
	c.readyMu.Lock()
	defer c.readyMu.Unlock()
	for {
		f := c.ready.pop()
		if f == nil || !f.detached {
			return f
		}
	}
}

func (c *Conn) anyReady() bool {
	c.readyMu.Lock()
	defer c.readyMu.Unlock()
	return c.ready.first != nil
}

// pullLocked appends what the feeds have to b, in turn, up to the size of a
// batch. mu is held, so that the order of the wire is the order of the locks.
func (c *Conn) pullLocked(b []byte) []byte {
	c.frames = Frames{b: b, limit: c.opts.BatchBytes, server: c.server, bound: &c.bound, c: c}
	for c.frames.Room() > 0 {
		f := c.popReady()
		if f == nil {
			break
		}
		before := len(c.frames.b)
		if f.src.Pull(&c.frames) && (len(c.frames.b) > before || c.before != nil) {
			f.Wake()
		}
	}
	b, c.frames.b = c.frames.b, nil
	return b
}
