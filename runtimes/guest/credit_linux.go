package guest

import "sync"

// credit is how many bytes of output the server still takes from an execution.
type credit struct {
	mu    sync.Mutex
	more  sync.Cond
	bytes int
	free  bool // the program has ended: what is left in its pipes is bounded
}

func newCredit(bytes int) *credit {
	c := &credit{bytes: bytes}
	c.more.L = &c.mu
	return c
}

// wait waits for credit and reports whether there still is a program.
func (c *credit) wait() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.bytes <= 0 && !c.free {
		c.more.Wait()
	}
	return !c.free
}

// take reserves up to n bytes; zero when there is no credit.
func (c *credit) take(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = max(0, min(n, c.bytes))
	c.bytes -= n
	return n
}

// grant adds n bytes, which may be some that were not needed.
func (c *credit) grant(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += n
	if c.bytes > 0 {
		c.more.Broadcast()
	}
}

// release ends all waits.
func (c *credit) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free = true
	c.more.Broadcast()
}
