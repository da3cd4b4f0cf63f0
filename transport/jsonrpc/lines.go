package jsonrpc

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Lines collects the replies to one message, one a line, which is how HTTP
// answers. It is safe for concurrent use.
type Lines struct {
	g    gather
	most atomic.Int64
	done chan []byte
}

// NewLines returns a Lines for one call of Parser.Parse, followed by Wait.
func NewLines() *Lines {
	l := &Lines{done: make(chan []byte, 1)}
	l.g.done = func(out []byte) { l.done <- out }
	return l
}

// Expect announces one more reply.
func (l *Lines) Expect() { l.g.expect() }

// Bound makes replies of more than most bytes errors, from now on.
func (l *Lines) Bound(most int) { l.most.Store(int64(most)) }

// Room is Bounded's: each line is a message.
func (l *Lines) Room() int { return int(l.most.Load()) }

// Reply adds one reply that was announced.
func (l *Lines) Reply(encode func(dst []byte) []byte) { l.g.reply('\n', l.Room, encode) }

// Wait returns the replies when all have come: empty when none was expected. It
// is called once, after Parse. Replies that come after ctx ended are dropped.
func (l *Lines) Wait(ctx context.Context) ([]byte, error) {
	l.g.close()
	select {
	case out := <-l.done:
		return out, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for replies: %w", context.Cause(ctx))
	}
}
