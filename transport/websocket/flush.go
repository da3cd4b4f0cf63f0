package websocket

// flush writes until nothing waits. At most one runs for a connection; kick
// starts it.
func (c *Conn) flush() {
	defer c.flushPanicked()
	var spare *buffer // the last batch's memory, for the next that is pulled
	for {
		batch, seal := c.nextBatch(spare)
		if seal {
			c.seal()
		}
		if batch == nil {
			return
		}
		left, err := c.write(batch.b)
		if err != nil {
			c.writeFailed(batch.b, len(batch.b)-len(left), err)
		}
		if batch != spare {
			putBuffer(spare)
		}
		spare = batch
	}
}

// nextBatch takes the queue, and behind it what the sources have. Nil ends the
// flusher; seal says that the close frame was the last batch. spare is memory
// it may use, and gives back at the end.
func (c *Conn) nextBatch(spare *buffer) (batch *buffer, seal bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		batch = c.out
		c.out = nil
		if c.cut {
			putBuffer(batch)
			batch = nil
		} else if !c.closing.Load() && c.anyReady() {
			batch = c.pullInto(batch, spare)
		}
		if batch != nil && len(batch.b) > 0 {
			return batch, false
		}
		if batch != spare {
			putBuffer(batch)
		}
		if c.restLocked() {
			putBuffer(spare)
			seal = c.closing.Load() && !c.sealed && !c.cut
			c.sealed = c.sealed || seal
			return nil, seal
		}
	}
}

func (c *Conn) pullInto(batch, spare *buffer) *buffer {
	if batch == nil {
		if batch = spare; batch == nil {
			batch = getBuffer()
		}
		batch.b = batch.b[:0]
	}
	batch.b = c.pullLocked(batch.b)
	return batch
}

// restLocked lets the flusher end, unless a feed woke meanwhile and found it
// still running. Nothing can be queued meanwhile: mu is held.
func (c *Conn) restLocked() bool {
	c.flushing.Store(false)
	return c.closing.Load() || !c.anyReady() || !c.flushing.CompareAndSwap(false, true)
}

// flushPanicked ends a connection whose source panicked; what was pulled is
// lost with it.
func (c *Conn) flushPanicked() {
	if p := recover(); p != nil {
		c.logPanic("Pull", p)
		c.flushing.Store(false)
		c.close(&CloseError{Code: CodeInternal, Reason: "internal error"}, dropping)
	}
}
