package websocket

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/gobwas/ws"
)

// input is where bytes come from. next waits for some, which are valid until
// done; done is called after each next, also after one that failed.
type input interface {
	next() ([]byte, error)
	done()
}

// run is the reader's goroutine. It begins with a stack of 2 KiB, which suffices
// to wait and which a message makes grow, for good: the runtime shrinks a stack
// only when less than a quarter is used. So an idle connection goes on with a
// new goroutine.
func (c *Conn) run(in input) {
	cause, idle := c.readAll(in)
	if idle {
		c.idle = false // until the next pong tells
		go c.run(in)
		return
	}
	c.finish(in, cause)
}

// readAll reads until the connection ends or is idle. No cause means that it
// was closed from here.
func (c *Conn) readAll(in input) (cause *CloseError, idle bool) {
	defer func() {
		if p := recover(); p != nil {
			c.logPanic("OnMessage", p)
			cause = &CloseError{Code: CodeInternal, Reason: "internal error"}
		}
	}()
	if early := c.early; len(early) > 0 {
		c.early = nil
		if err := c.receive(early); err != nil {
			return asCloseError(err), false
		}
	}
	for !c.closing.Load() {
		if err := c.readOnce(in); err != nil {
			if c.closing.Load() {
				return nil, false
			}
			return asCloseError(err), false
		}
		if c.idle {
			return nil, true
		}
	}
	return nil, false
}

// readOnce takes what is there, or waits for it.
func (c *Conn) readOnce(in input) error {
	defer in.done()
	p, err := in.next()
	if err == nil {
		return c.receive(p)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && c.timed {
		return &CloseError{Code: CodePolicy, Reason: fmt.Sprintf("message not complete after %v", time.Since(c.began).Round(time.Second))}
	}
	return broken(err)
}

// minRate is what a message may take a second for beyond FrameTimeout.
const minRate = 16 << 10

// receive decodes bytes, and sets a deadline while something is partial.
func (c *Conn) receive(p []byte) error {
	if err := c.dec.feed(p, (*incoming)(c)); err != nil {
		return err
	}
	switch partial := c.dec.partial(); {
	case partial && c.opts.FrameTimeout > 0:
		if !c.timed {
			c.began = time.Now()
			c.timed = true
		}
		c.arrived.Store(true)
		rest := time.Duration(c.dec.received()) * time.Second / minRate
		return c.nc.SetReadDeadline(c.began.Add(c.opts.FrameTimeout + rest))
	case c.timed:
		c.timed = false
		return c.nc.SetReadDeadline(time.Time{})
	}
	return nil
}

// incoming is the Conn as the decoder's receiver.
type incoming Conn

func (in *incoming) message(payload []byte, binary bool) error {
	c := (*Conn)(in)
	c.idle, c.spoke = false, true
	if !c.closing.Load() {
		c.handler.OnMessage(c, payload, binary)
	}
	return nil
}

func (in *incoming) control(op ws.OpCode, payload []byte) error {
	c := (*Conn)(in)
	switch op {
	case ws.OpPing:
		c.enqueue(ws.OpPong, func(dst []byte) []byte { return append(dst, payload...) })
	case ws.OpPong:
		c.idle, c.spoke = !c.spoke, false
		c.mu.Lock()
		c.unanswered = 0
		c.mu.Unlock()
	case ws.OpClose:
		code, reason, err := checkClose(payload)
		if err != nil {
			return err
		}
		return &CloseError{Code: code, Reason: reason, Remote: true}
	}
	return nil
}

func asCloseError(err error) *CloseError {
	if e := (*CloseError)(nil); errors.As(err, &e) {
		return e
	}
	return broken(err)
}

// recovered is deferred around calls of handlers and sources.
func (c *Conn) recovered(where string) {
	if p := recover(); p != nil {
		c.logPanic(where, p)
		c.close(&CloseError{Code: CodeInternal, Reason: "internal error"}, dropping)
	}
}

func (c *Conn) logPanic(where string, p any) {
	c.opts.Logger.Error("websocket: panic", "in", where, "panic", p, "stack", string(debug.Stack()))
}
