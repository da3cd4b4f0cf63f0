package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/transport/protocol"
)

// supervise replaces the connection for calls each time it is lost.
func (c *Client) supervise(l *link) {
	b := newBackoff(c.options.Redial)
	for {
		began := time.Now()
		<-l.finished
		if c.isClosed() || c.options.Redial.Off {
			c.end(l.err())
			return
		}
		if l.wasHeard() || time.Since(began) > c.options.Redial.Max {
			b.progress()
		}
		next, gone, err := c.reconnect(b, l.err())
		if err != nil {
			c.end(err)
			return
		}
		c.replace(next)
		c.options.OnReconnect(gone)
		l = next
	}
}

func (c *Client) replace(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.main = l
	close(c.changed)
	c.changed = make(chan struct{})
}

// reconnect makes a connection for calls in place of the one that was lost, and
// attaches the sessions there.
func (c *Client) reconnect(b *backoff, cause error) (l *link, gone map[string]error, err error) {
	for {
		if l, err = c.redial(c.ctx, b, cause); err != nil {
			return nil, nil, c.beforeEnd(err)
		}
		l.setNotify(c.notifier(l))
		l.conn.Start(l)
		if gone, cause = c.attachAgain(l); cause == nil {
			return l, gone, nil
		}
		<-l.finished
	}
}

// redial dials until it succeeds. The connection has not started.
// Errors: a refusal that will not change; the last failure when it is time to
// give up; ctx's cause.
func (c *Client) redial(ctx context.Context, b *backoff, cause error) (*link, error) {
	for {
		if err := b.wait(ctx, cause); err != nil {
			return nil, err
		}
		attempt, cancel := context.WithTimeout(ctx, handshakeTimeout)
		l, err := c.dial(attempt)
		cancel()
		switch {
		case err == nil:
			return l, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case permanent(err), c.options.Redial.Off:
			return nil, err
		}
		cause = err
	}
}

// beforeEnd is why a client ends that was closed while it had no connection:
// the loss of the last one. Otherwise it is err.
func (c *Client) beforeEnd(err error) error {
	if c.ctx.Err() == nil {
		return err
	}
	c.mu.Lock()
	l := c.main
	c.mu.Unlock()
	return l.err()
}

// attachAgain attaches the sessions that were attached. An error is the loss of
// the connection.
func (c *Client) attachAgain(l *link) (gone map[string]error, err error) {
	c.mu.Lock()
	sessions := slices.Sorted(maps.Keys(c.attached))
	c.mu.Unlock()
	for _, session := range sessions {
		m, err := l.call(c.ctx, protocol.MethodSessionAttach, &protocol.SessionRef{SessionID: session}, nil)
		if err != nil {
			return nil, err
		}
		refused := decodeReply(protocol.MethodSessionAttach, m, nil)
		if refused == nil {
			continue
		}
		if gone == nil {
			gone = make(map[string]error)
		}
		gone[session] = refused
		if errors.Is(refused, ErrSessionNotFound) || errors.Is(refused, ErrSessionClosed) {
			c.forget(session)
		}
	}
	return gone, nil
}

// stayAttached remembers a session that was attached over a connection. When
// that has ended meanwhile, the next one may have been made without the
// session, so it is attached once more.
func (c *Client) stayAttached(ctx context.Context, l *link, session string) error {
	c.remember(session)
	if l.err() == nil {
		return nil
	}
	err := c.Call(ctx, protocol.MethodSessionAttach, &protocol.SessionRef{SessionID: session}, nil)
	if err != nil {
		c.forget(session)
	}
	return err
}

// remember makes the client attach a session again when it reconnects.
func (c *Client) remember(session string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attached[session] = true
}

func (c *Client) forget(session string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.attached, session)
}

// backoff paces attempts. The zero wait comes first.
type backoff struct {
	redial Redial
	next   time.Duration
	since  time.Time // of the first attempt since there was progress
}

func newBackoff(r Redial) *backoff { return &backoff{redial: r} }

// progress starts over.
func (b *backoff) progress() { b.next, b.since = 0, time.Time{} }

// wait waits before the next attempt. cause is why the last one failed; it is
// in the error when it is time to give up.
// Errors: ctx's cause; that.
func (b *backoff) wait(ctx context.Context, cause error) error {
	now := time.Now()
	if b.since.IsZero() {
		b.since = now
	}
	if b.redial.GiveUp > 0 && now.Sub(b.since) >= b.redial.GiveUp {
		return fmt.Errorf("no connection for %v: %w", b.redial.GiveUp, cause)
	}
	pause := b.next
	b.next = min(max(2*b.next, b.redial.First), b.redial.Max)
	if pause == 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(pause/2 + rand.N(pause/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
