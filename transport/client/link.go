package client

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// link is one connection and the calls on it that have no answer yet.
type link struct {
	conn     *websocket.Conn
	finished chan struct{} // closed when the connection has ended

	mu      sync.Mutex
	notify  func(*jsonrpc.Message) // gets notifications, on the reading goroutine
	last    int64
	heard   bool
	pending map[string]*pending // by id
	streams map[string]*Stream  // by execution
	cause   *websocket.CloseError
}

// pending is a call without its answer.
type pending struct {
	reply  chan *jsonrpc.Message  // of capacity 1; nil: the link ended
	then   func(*jsonrpc.Message) // if any, sees the reply before all that follows it
	stream *Stream                // of a Follow
}

func newLink(conn *websocket.Conn, notify func(*jsonrpc.Message)) *link {
	return &link{
		conn: conn, notify: notify, finished: make(chan struct{}),
		pending: make(map[string]*pending), streams: make(map[string]*Stream),
	}
}

// setNotify gives later notifications to another.
func (l *link) setNotify(notify func(*jsonrpc.Message)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notify = notify
}

// err is why the connection ended, nil while it is open.
func (l *link) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		return nil
	}
	return l.cause
}

// wasHeard reports whether the server has said anything.
func (l *link) wasHeard() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

// call makes a call and waits for its answer.
// Errors: errUnsent; ErrConnectionLost; ctx's cause; params that cannot be encoded.
func (l *link) call(ctx context.Context, method string, params any, then func(*jsonrpc.Message)) (*jsonrpc.Message, error) {
	p := &pending{then: then}
	id, err := l.begin(p)
	if err != nil {
		return nil, err
	}
	if err := l.send(id, method, params); err != nil {
		l.drop(id)
		return nil, err
	}
	return l.await(ctx, id, p)
}

// begin makes the place for the answer of a call.
func (l *link) begin(p *pending) (id string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return "", fmt.Errorf("%w: %w", errUnsent, l.cause)
	}
	l.last++
	if p.stream != nil {
		p.stream.order = l.last
	}
	id = strconv.FormatInt(l.last, 10)
	p.reply = make(chan *jsonrpc.Message, 1)
	l.pending[id] = p
	return id, nil
}

func (l *link) send(id, method string, params any) error {
	b, err := jsonrpc.AppendRequest(nil, jsonrpc.ID(id), method, params)
	if err != nil {
		return err
	}
	l.conn.Reply(func(dst []byte) []byte { return append(dst, b...) })
	return nil
}

func (l *link) drop(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, id)
}

func (l *link) await(ctx context.Context, id string, p *pending) (*jsonrpc.Message, error) {
	select {
	case m := <-p.reply:
		if m == nil {
			return nil, lost(l.err())
		}
		return m, nil
	case <-ctx.Done():
		l.drop(id)
		return nil, context.Cause(ctx)
	}
}
