package egress

import (
	"log/slog"
	"sync/atomic"
)

// Options say what a relay permits and who is told.
type Options struct {
	Policy Policy
	// UID is who the relay is where the server is root: the session's own, so
	// that relays of two sessions cannot touch each other. Zero is nobody.
	// Where the server is an ordinary user the relay is that user.
	UID int
	// Lost is called when a relay died so often that it is not started again:
	// the session has no network any more. Nil does nothing.
	Lost func()
	// Counters get what the relay carries; nil counts nothing.
	Counters *Counters
	Logger   *slog.Logger // nil is silent
}

// Counts are what a relay, or all relays of a server, carried.
type Counts struct {
	Opened   int64 // flows: TCP connections and UDP exchanges
	Refused  int64 // by the policy
	Limited  int64 // by the bound on flows
	Failed   int64 // the other side refused or did not answer
	Sent     int64 // bytes of payload to the internet
	Received int64 // bytes of payload from there
}

// sub returns what c has more than earlier.
func (c Counts) sub(earlier Counts) Counts {
	return Counts{
		c.Opened - earlier.Opened, c.Refused - earlier.Refused, c.Limited - earlier.Limited,
		c.Failed - earlier.Failed, c.Sent - earlier.Sent, c.Received - earlier.Received,
	}
}

// Counters add up Counts. The zero value is ready; its methods are safe for
// use by several goroutines.
type Counters struct {
	opened, refused, limited, failed, sent, received atomic.Int64
}

// Add adds more.
func (c *Counters) Add(more Counts) {
	c.opened.Add(more.Opened)
	c.refused.Add(more.Refused)
	c.limited.Add(more.Limited)
	c.failed.Add(more.Failed)
	c.sent.Add(more.Sent)
	c.received.Add(more.Received)
}

// Counts returns the sums.
func (c *Counters) Counts() Counts {
	return Counts{
		c.opened.Load(), c.refused.Load(), c.limited.Load(), c.failed.Load(), c.sent.Load(), c.received.Load(),
	}
}
