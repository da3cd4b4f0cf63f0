package output

import (
	"slices"
	"unicode/utf8"
)

// Captured is what is kept of a stream for the result of an execution: all of
// it, or its first three quarters and its last.
type Captured struct {
	Data []byte
	// Head is where in Data the first part ends, len(Data) when nothing was
	// left out.
	Head int
	// Omitted is how many bytes of the stream came between the two parts.
	Omitted int64
	// Truncated: something was left out.
	Truncated bool
}

// Binary reports whether Data is not UTF-8.
func (c Captured) Binary() bool { return !utf8.Valid(c.Data) }

// HeadOf is how many of n bytes that are kept of a stream are its first ones.
func HeadOf(n int) int { return n - n/4 }

// capture collects a stream. What came at once is shared with the chunks of the
// log, as most programs write once. Once it is full, what comes replaces the
// oldest of the last part, so that it takes no more memory.
type capture struct {
	data   []byte
	shared bool // data is what the chunks hold
	seen   int64
	next   int // where in data the next byte goes, once full
	full   bool
	cut    int // where data was cut, once sealed
	done   bool
}

// write takes p, which never changes, and grows to limit at most: one that is
// lower than what is held makes it full.
func (c *capture) write(p []byte, limit int) {
	if c.done {
		return
	}
	c.seen += int64(len(p))
	if !c.full {
		n := min(max(limit-len(c.data), 0), len(p))
		switch {
		case c.data == nil:
			c.data, c.shared = p[:n:n], true // without room to grow in
		case n > 0:
			c.data, c.shared = append(c.data, p[:n]...), false
		}
		if p = p[n:]; len(p) == 0 {
			return
		}
		if c.shared {
			c.data, c.shared = slices.Clone(c.data), false
		}
		c.full, c.next = true, HeadOf(len(c.data))
	}
	head := HeadOf(len(c.data))
	tail := c.data[head:]
	if len(p) >= len(tail) {
		copy(tail, p[len(p)-len(tail):])
		c.next = head
		return
	}
	n := copy(c.data[c.next:], p)
	if c.next += n; c.next == len(c.data) {
		c.next = head + copy(tail, p[n:])
	}
}

// seal ends the capture, for its data is shared from now on: what is written
// later is of no result.
func (c *capture) seal() {
	if c.done {
		return
	}
	c.done, c.cut = true, len(c.data)
	if !c.full {
		return
	}
	head := HeadOf(len(c.data))
	tail := c.data[head:]
	slices.Reverse(tail[:c.next-head])
	slices.Reverse(tail[c.next-head:])
	slices.Reverse(tail)
	first, last := CutText(c.data[:head], tail)
	c.cut = len(first)
	c.data = c.data[:c.cut+copy(c.data[c.cut:], last)]
}

// captured is what was kept. The capture is sealed.
func (c *capture) captured() Captured {
	k := Captured{Data: c.data, Head: c.cut, Omitted: c.seen - int64(len(c.data))}
	k.Truncated = k.Omitted > 0
	return k
}

// release drops the data.
func (c *capture) release() { *c = capture{seen: c.seen, full: true, done: true} }

// CutText shortens the end of first and the beginning of last, between which
// something is left out, so that neither is cut inside a character, if they are
// text.
func CutText(first, last []byte) (_, _ []byte) {
	whole, _ := cutCharacter(first)
	rest := last
	for len(rest) > 0 && len(last)-len(rest) < utf8.UTFMax-1 && !utf8.RuneStart(rest[0]) {
		rest = rest[1:]
	}
	if utf8.Valid(whole) && utf8.Valid(rest) {
		return whole, rest
	}
	return first, last
}
