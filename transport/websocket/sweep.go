package websocket

import (
	"sync"
	"time"

	"github.com/gobwas/ws"
)

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
