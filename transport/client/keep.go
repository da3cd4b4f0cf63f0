package client

import (
	"context"
	"errors"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// maxIdle is how many connections of completed executions are kept for the
// next.
const maxIdle = 2

// keep holds the execution attached until it has ended.
func (e *Execution) keep(l *link) {
	b := newBackoff(e.client.options.Redial)
	for {
		began, due := time.Now(), e.out.nextSeq()
		select {
		case <-e.ctx.Done():
			e.leave(l)
			return
		case <-l.finished:
		}
		if e.out.nextSeq() > due || time.Since(began) > e.client.options.Redial.Max {
			b.progress()
		}
		next, err := e.resume(b, l.err())
		if err != nil {
			e.finish(nil, e.client.orEnd(err))
			return
		}
		l = next
	}
}

// leave gives the connection back when the execution has completed, and ends it
// otherwise: there would be more output.
func (e *Execution) leave(l *link) {
	if e.client.ctx.Err() != nil {
		e.finish(nil, e.client.orEnd(ErrClosed))
	}
	e.mu.Lock()
	completed := e.err == nil
	e.mu.Unlock()
	if completed {
		e.client.giveBack(l)
		return
	}
	e.client.discard(l)
}

// resume attaches the execution over another connection, at the chunk that is
// due.
func (e *Execution) resume(b *backoff, cause error) (*link, error) {
	if e.ID() == "" || e.client.options.Redial.Off {
		return nil, lost(cause)
	}
	for {
		l, err := e.client.redial(e.ctx, b, cause)
		if err != nil {
			return nil, err
		}
		l.setNotify(e.receive)
		l.conn.Start(l)
		if err = e.attach(e.ctx, l); err == nil {
			return l, nil
		}
		e.client.discard(l)
		if !passing(err) {
			return nil, err
		}
		cause = err
	}
}

// passing reports whether an attach may succeed later.
func passing(err error) bool {
	for _, target := range []error{errUnsent, ErrConnectionLost, ErrBusy, ErrRateLimited, ErrNodeUnavailable} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// borrow returns a connection for an execution: one that another has left, or
// a new one.
func (c *Client) borrow(ctx context.Context, b *backoff, e *Execution) (*link, error) {
	if err := c.Err(); err != nil {
		return nil, err
	}
	for l := c.takeIdle(); l != nil; l = c.takeIdle() {
		if l.err() == nil {
			l.setNotify(e.receive)
			return l, nil
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(ErrClosed) })()
	l, err := c.redial(ctx, b, errUnsent)
	if err != nil {
		return nil, err
	}
	l.setNotify(e.receive)
	l.conn.Start(l)
	return l, nil
}

func (c *Client) takeIdle() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle)
	if n == 0 {
		return nil
	}
	l := c.idle[n-1]
	c.idle = c.idle[:n-1]
	return l
}

// giveBack keeps a connection for the next execution.
func (c *Client) giveBack(l *link) {
	l.setNotify(func(*jsonrpc.Message) {})
	c.mu.Lock()
	full := c.closed || len(c.idle) >= maxIdle
	if !full {
		c.idle = append(c.idle, l)
	}
	c.mu.Unlock()
	if full {
		c.discard(l)
	}
}

// discard ends a connection.
func (c *Client) discard(l *link) {
	l.conn.CloseWith(websocket.CodeNormal, "")
}
