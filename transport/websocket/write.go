package websocket

import (
	"errors"
	"os"
	"time"
)

// errStalled is the end of a client that takes nothing any more.
var errStalled = errors.New("no progress")

// stallSteps is into how many deadlines StallTimeout is cut, so that a stall is
// noticed that late at most.
const stallSteps = 4

// recordBytes is what is written at a time to TLS, where a write that times out
// says nothing of what went through and breaks the connection.
const recordBytes = 16 << 10

// write writes p and returns what could not be written. As long as some bytes
// go through within StallTimeout, it goes on.
func (c *Conn) write(p []byte) (left []byte, err error) {
	wait := c.opts.StallTimeout / stallSteps
	if c.fragile {
		wait = c.opts.StallTimeout
	}
	for progress := time.Now(); len(p) > 0; {
		now := time.Now()
		if err := c.nc.SetWriteDeadline(now.Add(wait)); err != nil {
			return p, err
		}
		part := p
		if c.fragile {
			part = p[:min(len(p), recordBytes)]
		}
		n, err := c.nc.Write(part)
		p = p[n:]
		switch {
		case err == nil || n > 0 && c.mayGoOn(err):
			progress = time.Now()
		case !c.mayGoOn(err):
			return p, err
		case time.Since(progress) >= c.opts.StallTimeout:
			return p, errStalled
		}
	}
	return nil, nil
}

// mayGoOn reports whether the connection survived a failed write.
func (c *Conn) mayGoOn(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && !c.fragile && !c.isCut()
}

func (c *Conn) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

// writeFailed ends the connection after a batch of which n bytes went out. A
// slow consumer is told why, should it come back before CloseTimeout: the frame
// that is half out is completed first, for a close frame inside it would be
// taken for payload.
func (c *Conn) writeFailed(batch []byte, n int, err error) {
	stalled := errors.Is(err, errStalled) || c.fragile && errors.Is(err, os.ErrDeadlineExceeded)
	if !stalled {
		c.close(broken(err), atOnce)
		c.giveUp()
		return
	}
	slow := &CloseError{Code: CodeTryAgainLater, Reason: "slow consumer"}
	if c.fragile {
		c.close(slow, atOnce)
		c.giveUp()
		return
	}
	c.close(slow, dropping)
	rest := batch[n:frameEnd(batch, n)]
	if err := c.writeBy(rest); err != nil {
		c.giveUp()
		return
	}
	closing := c.takeQueue()
	if err := c.writeBy(closing); err != nil {
		c.giveUp()
	}
}

// takeQueue takes what waits, which is the close frame.
func (c *Conn) takeQueue() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		return nil
	}
	b := c.out.b
	c.out = nil
	return b
}

// writeBy writes p until closeBy.
func (c *Conn) writeBy(p []byte) error {
	c.mu.Lock()
	by := c.closeBy
	c.mu.Unlock()
	if err := c.nc.SetWriteDeadline(by); err != nil {
		return err
	}
	_, err := c.nc.Write(p)
	return err
}

// giveUp ends a connection that is closing and cannot be written to.
func (c *Conn) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
}
