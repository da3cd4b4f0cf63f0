package websocket

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// hubShards is into how many parts a Hub's connections fall: each tick of the
// sweeper pings one part, so that 10,000 pings do not go out at once.
const hubShards = 16

// Hub keeps the connections of a server (or of a client that has many): it
// pings them, and closes them at shutdown. Its methods are safe for concurrent
// use.
type Hub struct {
	opts    *Options
	count   atomic.Int64
	next    atomic.Uint32 // shard of the next connection
	shards  [hubShards]shard
	closed  atomic.Bool
	drained chan struct{} // holds a token when the last connection ended
	sweep   sweeper
}

type shard struct {
	mu    sync.Mutex
	conns map[*Conn]struct{}
}

// NewHub returns a Hub whose connections have these options. Its sweeper starts
// with the first connection and ends with Shutdown.
func NewHub(o Options) *Hub {
	h := &Hub{opts: o.withDefaults(), drained: make(chan struct{}, 1)}
	for i := range h.shards {
		h.shards[i].conns = map[*Conn]struct{}{}
	}
	h.sweep.stop = make(chan struct{})
	return h
}

// Count is the number of connections that have started and not ended.
func (h *Hub) Count() int { return int(h.count.Load()) }

// Shutdown closes every connection with 1001 and the reason, after its queue,
// and waits until all have ended. When ctx ends first it cuts the rest and says
// how many. No connection can be made any more.
func (h *Hub) Shutdown(ctx context.Context, reason string) error {
	h.closed.Store(true)
	h.sweep.end()
	h.each(func(c *Conn) { c.close(shutdownCause(reason), politely) })
	for h.Count() > 0 {
		select {
		case <-h.drained:
		case <-ctx.Done():
			left := h.Count()
			h.each(func(c *Conn) { c.Abort(ErrShutdown); c.giveUp() })
			return fmt.Errorf("websocket: cut %d connections: %w", left, context.Cause(ctx))
		}
	}
	return nil
}

func shutdownCause(reason string) *CloseError {
	return &CloseError{Code: CodeGoingAway, Reason: cutReason(reason), Err: ErrShutdown}
}

// add takes a connection that starts. One that comes too late is closed.
func (h *Hub) add(c *Conn) {
	c.shard = uint8(h.next.Add(1) % hubShards)
	s := &h.shards[c.shard]
	h.count.Add(1)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	h.sweep.begin(h)
	if h.closed.Load() {
		c.close(shutdownCause("shutting down"), politely)
	}
}

func (h *Hub) remove(c *Conn) {
	s := &h.shards[c.shard]
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	if h.count.Add(-1) == 0 {
		select {
		case h.drained <- struct{}{}:
		default:
		}
	}
}

func (h *Hub) each(f func(*Conn)) {
	for i := range h.shards {
		h.shards[i].each(f)
	}
}

func (s *shard) each(f func(*Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		f(c)
	}
}
