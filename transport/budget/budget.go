// Package budget bounds the bytes that a server holds for its clients.
//
// A [Budget] has a part for what comes in (messages and bodies, complete or not,
// and commands until they are done) and one for what goes out (replies being made,
// and what is not sent yet); and two small ones, for open connections and for files
// while they are read. What is kept of executions has a bound of its own beside it,
// which the package actors/output holds to. The parts do not lend to each other:
// who waits for one holds nothing that those wait for who have it.
//
// Each client, a key or without keys an address, may take a share of a part. Who
// cannot have more now either waits for its turn ([Client.Ask]), or is refused
// ([Client.Take]), or takes it all the same and stops reading ([Client.Force]).
//
// Small things take nothing: each connection takes [ConnectionBytes] once, and
// its messages up to [FreeBytes] are part of that. What is larger costs two atomic
// additions; a lock is taken only by who waits, and while somebody does.
package budget

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Part is a part of the budget.
type Part uint8

// The parts that clients take from.
const (
	Incoming Part = iota
	Outgoing
	Connections
	Reading
	parts
)

// String is the name of the limit, as clients see it.
func (p Part) String() string {
	return [...]string{"incomingBytes", "replyBytes", "connectionBytes", "readBytes"}[p]
}

const (
	// FreeBytes is the largest message that takes nothing.
	FreeBytes = 8 << 10
	// ConnectionBytes is what a connection takes as long as it is open: one
	// message each way.
	ConnectionBytes = 2 * FreeBytes
	// DefaultShare is the share of a client that Options do not say.
	DefaultShare = 0.5
)

// Options of a Budget.
type Options struct {
	// Bytes are for messages: an eighth for connections and for reading each, half
	// of the rest for each way.
	Bytes int64
	// Share is how much of each part one client may have. Zero means
	// DefaultShare.
	Share float64
}

// Budget bounds what is held for all clients. A nil Budget has no bound. Its
// methods are safe for concurrent use.
type Budget struct {
	parts [parts]part

	mu      sync.Mutex
	clients map[string]*Client
}

// part is one part of a budget.
type part struct {
	limit, share int64
	held         atomic.Int64
	waiting      atomic.Int32
	kept         atomic.Int64 // by who waits

	mu      sync.Mutex
	queue   []*Request // in the order in which they came
	refused atomic.Int64
}

// Client is what one key or address holds, over all its connections. A nil Client
// has no bound. Its methods are safe for concurrent use.
type Client struct {
	budget      *Budget
	name        string
	connections int // guarded by budget.mu
	held        [parts]atomic.Int64
}

// New makes a budget.
func New(o Options) *Budget {
	if o.Share <= 0 || o.Share > 1 {
		o.Share = DefaultShare
	}
	b := &Budget{clients: make(map[string]*Client)}
	eighth := o.Bytes / 8
	for of, bytes := range [parts]int64{Incoming: 3 * eighth, Outgoing: 3 * eighth, Connections: eighth, Reading: eighth} {
		b.parts[of].limit, b.parts[of].share = bytes, int64(float64(bytes)*o.Share)
	}
	return b
}

// Usage is what a part holds.
type Usage struct {
	Held, Limit, Share int64
	Waiting            int64 // requests for more
	Refused            int64 // since the start
}

// Usage returns the figures of a part.
func (b *Budget) Usage(of Part) Usage {
	if b == nil {
		return Usage{}
	}
	p := &b.parts[of]
	return Usage{p.held.Load(), p.limit, p.share, int64(p.waiting.Load()), p.refused.Load()}
}

// Connect is one more connection of the client of that name; Close ends it.
func (b *Budget) Connect(name string) *Client {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.clients[name]
	if c == nil {
		c = &Client{budget: b, name: name}
		b.clients[name] = c
	}
	c.connections++
	return c
}

// Close ends one connection. What was taken for it is given back by who took it.
func (c *Client) Close() {
	if c == nil {
		return
	}
	b := c.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.connections--; c.connections <= 0 && b.clients[c.name] == c {
		delete(b.clients, c.name)
	}
}

// Share is how much of a part the client may have; zero is without bound.
func (c *Client) Share(of Part) int64 {
	if c == nil {
		return 0
	}
	return c.budget.parts[of].share
}

// Fit is n, or three quarters of the client's share when n is more: what is larger
// than a share is alone with what is small.
func (c *Client) Fit(of Part, n int64) int64 {
	if c == nil {
		return n
	}
	return min(n, c.budget.parts[of].share/4*3)
}

// Force takes n bytes, whether they are there or not.
func (c *Client) Force(of Part, n int64) {
	if c == nil {
		return
	}
	c.held[of].Add(n)
	c.budget.parts[of].held.Add(n)
}

// Take takes n bytes, unless they are not there or others have waited for longer.
func (c *Client) Take(of Part, n int64) bool {
	if c == nil {
		return true
	}
	p := &c.budget.parts[of]
	if p.waiting.Load() == 0 && c.add(p, of, n) {
		return true
	}
	p.mu.Lock()
	ahead := slices.ContainsFunc(p.queue, func(r *Request) bool { return r.client == c })
	p.mu.Unlock()
	if !ahead && c.add(p, of, n) {
		return true
	}
	p.refused.Add(1)
	p.grant() // what was tried may have been in the way of who waits
	return false
}

// add takes n bytes if they are there.
func (c *Client) add(p *part, of Part, n int64) bool {
	if c.held[of].Add(n) <= p.share {
		if p.held.Add(n) <= p.limit {
			return true
		}
		p.held.Add(-n)
	}
	c.held[of].Add(-n)
	return false
}

// Over reports whether the client, or all together, have no more of a part.
func (c *Client) Over(of Part) bool {
	if c == nil {
		return false
	}
	p := &c.budget.parts[of]
	return c.held[of].Load() >= p.share || p.held.Load() >= p.limit
}

// Give gives back n bytes.
func (c *Client) Give(of Part, n int64) {
	if c == nil || n == 0 {
		return
	}
	p := &c.budget.parts[of]
	c.held[of].Add(-n)
	p.held.Add(-n)
	if p.waiting.Load() > 0 {
		p.grant()
	}
}

// grant serves who waits. One whose client has its share already does not hold up
// the others; one that all together have no room for does.
func (p *part) grant() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = slices.DeleteFunc(p.queue, p.serveAll())
}

// serveAll returns the function that serves the queue from its beginning.
func (p *part) serveAll() func(r *Request) bool {
	full := false
	return func(r *Request) bool {
		if full {
			return false
		}
		if r.client.add(p, r.part, r.bytes) {
			p.gone(r)
			close(r.granted)
			return true
		}
		full = r.client.held[r.part].Load()+r.bytes <= p.share
		return false
	}
}

// Request is one that waits for its turn.
type Request struct {
	client  *Client
	part    Part
	bytes   int64
	keeps   int64
	granted chan struct{}
}

// gone counts a request that waits no more.
func (p *part) gone(r *Request) {
	p.waiting.Add(-1)
	p.kept.Add(-r.keeps)
}

// Queue is Ask by one that keeps other bytes while it waits. Nil: so much is kept
// by who waits already that it had better be refused.
func (c *Client) Queue(of Part, n, keeps int64) *Request {
	if c == nil {
		return c.Ask(of, n)
	}
	p := &c.budget.parts[of]
	if kept := p.kept.Add(keeps); kept > p.share {
		p.kept.Add(-keeps)
		p.refused.Add(1)
		return nil
	}
	r := c.newRequest(of, n)
	r.keeps = keeps
	return c.ask(r)
}

// Ask takes n bytes when there is room for them, in the order in which it is
// asked. n is what fits: see Fit.
func (c *Client) Ask(of Part, n int64) *Request {
	r := c.newRequest(of, n)
	if c == nil {
		close(r.granted)
		return r
	}
	return c.ask(r)
}

func (c *Client) newRequest(of Part, n int64) *Request {
	return &Request{client: c, part: of, bytes: n, granted: make(chan struct{})}
}

func (c *Client) ask(r *Request) *Request {
	p := &c.budget.parts[r.part]
	p.mu.Lock()
	p.queue = append(p.queue, r)
	p.waiting.Add(1) // before it is tried: who gives back meanwhile tries too
	p.mu.Unlock()
	p.grant()
	return r
}

// Granted is closed when the bytes are taken.
func (r *Request) Granted() <-chan struct{} { return r.granted }

// Wait waits for the bytes, so long at most. False: they are not taken, and the
// request is over.
func (r *Request) Wait(most time.Duration, done <-chan struct{}) bool {
	select {
	case <-r.granted:
		return true
	default:
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-r.granted:
		return true
	case <-timer.C:
	case <-done:
	}
	return !r.leave()
}

// leave leaves the queue; false: the bytes have been taken.
func (r *Request) leave() bool {
	p := &r.client.budget.parts[r.part]
	p.mu.Lock()
	at := slices.Index(p.queue, r)
	if at >= 0 {
		p.queue = slices.Delete(p.queue, at, at+1)
		p.gone(r)
		p.refused.Add(1)
	}
	p.mu.Unlock()
	if at >= 0 {
		p.grant() // whom it held up
	}
	return at >= 0
}

// Cancel ends the request; what was taken is given back.
func (r *Request) Cancel() {
	if r.client != nil && !r.leave() {
		r.client.Give(r.part, r.bytes)
	}
}

// Hold is bytes that were taken, on their way from one owner to another. The zero
// Hold is none.
type Hold struct {
	client *Client
	part   Part
	bytes  int64
}

// Held is n bytes that the client has taken.
func (c *Client) Held(of Part, n int64) Hold { return Hold{c, of, n} }

// Bytes is how many they are.
func (h *Hold) Bytes() int64 { return h.bytes }

// Split takes n bytes off, or all when they are fewer.
func (h *Hold) Split(n int64) Hold {
	n = min(n, h.bytes)
	h.bytes -= n
	return Hold{h.client, h.part, n}
}

// Release gives the bytes back, once.
func (h *Hold) Release() {
	h.client.Give(h.part, h.bytes)
	*h = Hold{}
}
