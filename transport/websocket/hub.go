package websocket

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
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

// sweeper pings all connections of a hub from one goroutine.
type sweeper struct {
	once    sync.Once
	endOnce sync.Once
	stop    chan struct{}
}

func (s *sweeper) begin(h *Hub) {
	if h.opts.PingInterval < 0 {
		return
	}
	s.once.Do(func() { go s.run(h) })
}

func (s *sweeper) end() { s.endOnce.Do(func() { close(s.stop) }) }

func (s *sweeper) run(h *Hub) {
	tick := time.NewTicker(max(h.opts.PingInterval/hubShards, time.Millisecond))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
			h.shards[i%hubShards].each((*Conn).ping)
		case <-s.stop:
			return
		}
	}
}

// maxUnanswered is how many pings may be without answer when the next is due.
const maxUnanswered = 2

// ping sends one more ping, or closes when too many were not answered. While a
// message arrives none is counted: its sender cannot answer within a frame, and
// FrameTimeout watches over it.
func (c *Conn) ping() {
	if c.arrived.Swap(false) {
		return
	}
	c.mu.Lock()
	dead := c.unanswered >= maxUnanswered
	c.unanswered++
	c.mu.Unlock()
	if dead {
		c.CloseWith(CodePolicy, "no answer to two pings")
		return
	}
	c.enqueue(ws.OpPing, func(dst []byte) []byte { return dst })
}

// UpgradeOptions are what a server answers a handshake with.
type UpgradeOptions struct {
	// Protocol is asked for each subprotocol that the client offers, in order;
	// the first it accepts is the answer. Nil, or none accepted: the answer has
	// no subprotocol.
	Protocol func(offered string) bool
	// Header is added to the answer.
	Header http.Header
	// Timeout is for writing the answer. Zero means 5 s.
	Timeout time.Duration
}

// Upgrade makes a connection of an HTTP/1.1 request. The caller has checked
// Origin, Host and key before; reading the request was bounded by the
// http.Server. Extensions are declined, compression with them. The caller calls
// Start and returns: the request and its buffers are free then. After an error
// the client has its answer and the request is used up.
func (h *Hub) Upgrade(w http.ResponseWriter, r *http.Request, o UpgradeOptions) (*Conn, error) {
	if h.closed.Load() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return nil, ErrShutdown
	}
	if !validKey(r.Header.Values("Sec-WebSocket-Key")) {
		http.Error(w, "one Sec-WebSocket-Key is needed: 16 bytes in base64", http.StatusBadRequest)
		return nil, ws.ErrHandshakeBadSecKey
	}
	number(&o.Timeout, 5*time.Second)
	u := ws.HTTPUpgrader{Protocol: o.Protocol, Header: o.Header, Timeout: o.Timeout}
	// Upgrade clears the deadlines that the http.Server had set.
	nc, rw, hs, err := u.Upgrade(r, w)
	if err != nil {
		if nc != nil {
			_ = nc.Close()
		}
		return nil, fmt.Errorf("websocket: upgrade: %w", err)
	}
	c := newConn(nc, h.opts, true)
	c.hub = h
	c.protocol = hs.Protocol
	if n := rw.Reader.Buffered(); n > 0 { // the first frames came with the request
		early, err := rw.Reader.Peek(n)
		if err != nil {
			_ = nc.Close()
			return nil, fmt.Errorf("websocket: upgrade: %w", err)
		}
		c.early = slices.Clone(early)
	}
	return c, nil
}

// validKey reports whether a handshake has one key, of 16 bytes in base64: RFC
// 6455, 4.1, 7 and 11.3.1.
func validKey(keys []string) bool {
	if len(keys) != 1 {
		return false
	}
	nonce, err := base64.StdEncoding.DecodeString(keys[0])
	return err == nil && len(nonce) == 16
}
