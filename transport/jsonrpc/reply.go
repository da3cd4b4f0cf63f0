package jsonrpc

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// Replier takes replies, from any goroutine: encode appends one reply to dst
// and returns it. encode is called before Reply returns, or not at all when
// nobody is there any more. It must not call the Replier.
type Replier interface {
	Reply(encode func(dst []byte) []byte)
}

// Expecter is a Replier that must know how many replies will come. Parse calls
// Expect once for each, before it can come.
type Expecter interface {
	Replier
	Expect()
}

func expect(to Replier) {
	if e, ok := to.(Expecter); ok {
		e.Expect()
	}
}

// Batch collects the replies to the members of one array into one array
// message, in the order in which they come. Those that do not fit into what out
// takes are errors. It is safe for concurrent use.
type Batch struct {
	g       gather
	out     Replier
	total   int  // members, if known; the most replies there can be
	members bool // of the goroutine that reads the batch

	reserving sync.Mutex
	reserved  bool
	refused   bool
	release   func() // what was reserved; nil without
}

// NewBatch returns a Batch whose message goes to out once it is closed and
// every expected reply has come; none goes when no reply was expected.
func NewBatch(out Replier) *Batch {
	b := &Batch{out: out}
	b.g.done = b.send
	return b
}

// Expect announces one more reply. Not after Close.
func (b *Batch) Expect() {
	if !b.members {
		b.members = true
		expect(b.out)
	}
	b.g.expect()
}

// ReplyLarge is LargeReplier's.
func (b *Batch) ReplyLarge(m *Large) { b.g.replyLarge(',', b.mostLocked, m) }

// Reserve reserves what the message will take, once for all large replies of the
// batch: take is told how many members it may have and how many bytes, and returns
// how to give back what it took. It may wait, and so do the others. False: it took
// nothing, and no large reply is to be made.
func (b *Batch) Reserve(take func(members, most int) (release func(), ok bool)) bool {
	b.reserving.Lock()
	defer b.reserving.Unlock()
	if !b.reserved {
		b.reserved = true
		release, ok := take(max(b.total, 1), roomOf(b.out))
		b.refused = !ok
		if ok {
			b.release = release
		}
	}
	return !b.refused
}

// Reply adds one reply that was announced.
func (b *Batch) Reply(encode func(dst []byte) []byte) { b.g.reply(',', b.mostLocked, encode) }

// Room is Bounded's: what is left, in equal shares.
func (b *Batch) Room() int {
	b.g.mu.Lock()
	defer b.g.mu.Unlock()
	share, _ := b.leftLocked()
	return share
}

// mostLocked is how large one reply may be, if every other one that is due gets
// its share or is refused for its size.
func (b *Batch) mostLocked() int {
	share, left := b.leftLocked()
	return max(share, left)
}

// leftLocked is the share of each reply that is due, and what one could have
// without regard to the others. Zeros have no bound.
func (b *Batch) leftLocked() (share, left int) {
	most := roomOf(b.out)
	if most == 0 {
		return 0, 0
	}
	due := b.g.waiting
	if !b.g.closed {
		due = max(due, b.total-b.g.replied)
	}
	due = max(due, 1)
	left = most - len("[]") - b.g.sizeLocked() - (due - 1)
	return max(left/due, 1), left - (due-1)*boundRoom
}

// Close says that all members were read.
func (b *Batch) Close() { b.g.close() }

func (b *Batch) send(replies []byte, large *Large) {
	if release := b.release; release != nil { // nobody reserves any more: every reply has come
		if large == nil {
			defer release()
		} else {
			large.OnRelease(release)
		}
	}
	if large != nil {
		all := &Large{}
		all.JSON([]byte{'['})
		all.take(large)
		all.JSON(append(replies, ']'))
		ReplyLarge(b.out, all)
		return
	}
	if len(replies) == 0 {
		return
	}
	b.out.Reply(func(dst []byte) []byte {
		dst = append(dst, '[')
		dst = append(dst, replies...)
		return append(dst, ']')
	})
}

// ReplyLarge gives a message to out, in pieces if it takes pieces.
func ReplyLarge(out Replier, m *Large) {
	if to, ok := out.(LargeReplier); ok {
		to.ReplyLarge(m)
		return
	}
	b := m.Bytes()
	m.Release()
	out.Reply(func(dst []byte) []byte { return append(dst, b...) })
}

// gather collects an announced number of replies. Guarded by mu: the rest.
type gather struct {
	mu      sync.Mutex
	large   *Large // replies so far, up to the last that came in pieces; nil without
	out     []byte // those behind them
	waiting int
	replied int
	closed  bool // no more will be announced
	done    func(out []byte, large *Large)
}

// sizeLocked is that of the replies so far.
func (g *gather) sizeLocked() int {
	n := len(g.out)
	if g.large != nil {
		n += g.large.Size()
	}
	return n
}

func (g *gather) expect() {
	g.mu.Lock()
	g.waiting++
	g.mu.Unlock()
}

// reply appends a reply after a separator. The last one ends the gathering.
// room, called under the lock, is how large the reply may be.
func (g *gather) reply(separator byte, room func() int, encode func(dst []byte) []byte) {
	g.mu.Lock()
	defer g.finishAndUnlock()
	if g.sizeLocked() > 0 {
		g.out = append(g.out, separator)
	}
	start, most := len(g.out), room()
	g.out = Bound(encode(g.out), start, most)
	g.waiting--
	g.replied++
}

// replyLarge is reply for one in pieces.
func (g *gather) replyLarge(separator byte, room func() int, m *Large) {
	g.mu.Lock()
	defer g.finishAndUnlock()
	if g.sizeLocked() > 0 {
		g.out = append(g.out, separator)
	}
	m.Bound(room())
	if g.large == nil {
		g.large = &Large{}
	}
	g.large.JSON(g.out)
	g.out = nil
	g.large.take(m)
	g.waiting--
	g.replied++
}

func (g *gather) close() {
	g.mu.Lock()
	defer g.finishAndUnlock()
	g.closed = true
}

func (g *gather) finishAndUnlock() {
	done, out, large := g.done, g.out, g.large
	finished := g.closed && g.waiting <= 0 && done != nil
	if finished {
		g.done = nil // once
	}
	g.mu.Unlock()
	if finished {
		done(out, large)
	}
}

// Lines collects the replies to one message, one a line, which is how HTTP
// answers. It is safe for concurrent use.
type Lines struct {
	g    gather
	most atomic.Int64
	done chan *Large

	mu   sync.Mutex
	left bool // Abandon was called
}

// NewLines returns a Lines for one call of Parser.Parse, followed by Wait.
func NewLines() *Lines {
	l := &Lines{done: make(chan *Large, 1)}
	l.g.done = l.finish
	return l
}

func (l *Lines) finish(out []byte, large *Large) {
	if large == nil {
		large = &Large{}
	}
	large.JSON(out)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left {
		large.Release()
		return
	}
	l.done <- large
}

// Expect announces one more reply.
func (l *Lines) Expect() { l.g.expect() }

// Bound makes replies of more than most bytes errors, from now on.
func (l *Lines) Bound(most int) { l.most.Store(int64(most)) }

// Room is Bounded's: each line is a message.
func (l *Lines) Room() int { return int(l.most.Load()) }

// Reply adds one reply that was announced.
func (l *Lines) Reply(encode func(dst []byte) []byte) { l.g.reply('\n', l.Room, encode) }

// ReplyLarge is LargeReplier's.
func (l *Lines) ReplyLarge(m *Large) { l.g.replyLarge('\n', l.Room, m) }

// Wait returns the replies when all have come: empty when none was expected. It
// is called after Parse; the caller releases what it returns.
func (l *Lines) Wait(ctx context.Context) (*Large, error) {
	l.g.close()
	select {
	case all := <-l.done:
		return all, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for replies: %w", context.Cause(ctx))
	}
}

// Abandon drops the replies: nobody waits for them any more.
func (l *Lines) Abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = true
	select {
	case all := <-l.done:
		all.Release()
	default:
	}
}

// Bounded is a Replier that takes no message above a size.
type Bounded interface {
	Replier
	// Room is how many bytes the next reply may have, and leave as many to each
	// other that is due in its message. What cannot be made smaller may take
	// more, as long as all fit. Zero has no bound.
	Room() int
}

func roomOf(out Replier) int {
	if b, ok := out.(Bounded); ok {
		return b.Room()
	}
	return 0
}

const (
	// boundName is the limit in data of the error.
	boundName = "maxMessageBytes"
	// maxEcho is the longest id that an error of Bound repeats.
	maxEcho = 256
	// boundRoom is more than what an error of Bound takes.
	boundRoom = 640
)

// Bound returns dst, whose message from start on is replaced when it has more
// than most bytes, for it may not be sent: a reply by the error TooLarge, which
// keeps its id (or the code of its error), a batch by one such error, and a
// notification by nothing. The message is one of ours.
func Bound(dst []byte, start, most int) []byte {
	size := len(dst) - start
	if most <= 0 || size <= most {
		return dst
	}
	return refuseLarge(dst[:start], dst[start:], size, most)
}

// refuseLarge appends to dst what is sent instead of a message that begins with
// head, which may lie behind dst.
func refuseLarge(dst, head []byte, size, most int) []byte {
	id, code := Null, tooLarge
	if rest, ok := bytes.CutPrefix(head, []byte(replyHead)); ok {
		end := valueEnd(rest, 0)
		if end <= maxEcho {
			id = ID(rest[:end]).Clone()
		}
		code = codeOf(rest[end:])
	} else if head[0] == '{' {
		return dst
	}
	return AppendError(dst, id, boundError(code, size, most))
}

func boundError(code Code, size, most int) *Error {
	return &Error{
		Code: code,
		Message: fmt.Sprintf("%s: the answer has %d bytes, and %s of this connection is %d: ask for less, or for a larger %s with initialize",
			code, size, boundName, most, boundName),
		Data: tooMany{Limit: boundName, Maximum: most, Count: size},
	}
}

// codeOf is the code of the error that begins in b, TooLarge for a result.
func codeOf(b []byte) Code {
	b, ok := bytes.CutPrefix(b, []byte(errorHead))
	if !ok {
		return tooLarge
	}
	code := Code(0)
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			code = code*10 - Code(c-'0')
		case c != '-':
			return code
		}
	}
	return code
}
